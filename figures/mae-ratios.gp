load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.3in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/mae-ratios.tex"
# A line of a summary; and two standard deviations of a fraction p of the n pictures that were tested.
field(run, key) = real(system("awk -F '\t' '$1 == \"" . key . "\" { print $2 }' runs/" . run . "/summary.tsv"))
n = field("probe-ratio-75", "test_images")
untrained = field("probe-none-5000", "linear")
chance(p) = 2 * sqrt(p * (1 - p) / n)
set multiplot layout 1,3 margins 0.08,0.99,0.19,0.88 spacing 0.09
set xlabel "fraction hidden"; set xrange [0.1:1]; set xtics ("0.25" 0.25, "0.5" 0.5, "0.75" 0.75, "" 0.9)
unset key
set title "error, relative to zero" offset 0,-0.7; set yrange [0:1]; set ytics 0.2
plot "runs/mae-ratios.tsv" using 1:2 with linespoints ls 2 pt 5 ps 0.6
set title "accuracy of a linear probe" offset 0,-0.7; set yrange [0:0.6]; set ytics 0.1
set label 1 "random encoder" at 0.12,untrained-0.06 left
plot untrained with lines ls 9, \
     "runs/mae-ratios.tsv" using 1:3:(chance($3)) with yerrorbars ls 1 pt 7 ps 0.5
unset label 1
set title "seconds of training" offset 0,-0.7; set yrange [0:*]; set ytics auto
plot "runs/mae-ratios.tsv" using 1:4 with linespoints ls 1 pt 7 ps 0.6
unset multiplot
