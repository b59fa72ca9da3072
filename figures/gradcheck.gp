load "../figures/style.gp"
set output "figures/gradcheck.tex"
set logscale xy
set format x "$10^{%L}$"; set format y "$10^{%L}$"
set xlabel "step $h$"; set ylabel "relative error" offset -1
set key left bottom
set xrange [1e-16:1]; set yrange [1e-13:10]
plot "runs/step-size-float.tsv" using 1:2 with linespoints ls 2 pt 6 ps 0.4 title "\\lit{float}", \
     "runs/step-size-double.tsv" using 1:2 with linespoints ls 1 pt 7 ps 0.4 title "\\lit{double}"
