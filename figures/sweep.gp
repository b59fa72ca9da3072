load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.35in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/sweep.tex"
points(key, loss) = "< ../tools/compare points " . key . " " . loss . "-16 " . loss . "-64 " . loss . "-256 " . loss . "-512"
pairs(k) = real(word("16 64 256 512", int(k) + 1))
rates(loss, b) = "< ../tools/compare points test_to_text_r10 rate-" . loss . "-" . b . "-5e-4 rate-" . loss . "-" . b . "-1e-3 rate-" . loss . "-" . b . "-2e-3 rate-" . loss . "-" . b . "-4e-3"
set multiplot layout 1,2 margins 0.09,0.99,0.2,0.88 spacing 0.11
set logscale x 2; set ylabel "recall at 10" offset 1
set title "the search: one seed" offset 0,-0.7; set xlabel "learning rate, thousandths"; set xrange [0.4:5]; set yrange [0:0.8]
set key right bottom width 0
plot for [i=1:2] rates("nce", word("16 512", i)) using (0.5 * 2 ** $0):2 with linespoints ls 2 dt i pt 5 ps 0.4 title "InfoNCE, " . word("16 512", i), \
     for [i=1:2] rates("sigmoid", word("16 512", i)) using (0.5 * 2 ** $0):2 with linespoints ls 1 dt i pt 7 ps 0.4 title "sigmoid, " . word("16 512", i)
set title "the best rates: three seeds"; set xlabel "pairs in a batch"; set xrange [12:700]; unset ylabel
set key right bottom
plot points("test_to_text_r10", "loss-nce") using (pairs($0) * 0.97):2:3 with yerrorlines ls 2 dt 1 pt 5 ps 0.5 title "InfoNCE", \
     points("test_to_text_r10", "loss-sigmoid") using (pairs($0) * 1.03):2:3 with yerrorlines ls 1 pt 7 ps 0.5 title "sigmoid"
unset multiplot
