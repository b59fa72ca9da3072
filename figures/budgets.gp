load "../figures/style.gp"
set output "figures/budgets.tex"
set logscale x; set xrange [350:70000]; set xtics ("500" 500, "5,000" 5000, "50,000" 50000)
set xlabel "labels"; set ylabel "accuracy" ; set yrange [0.2:0.65]
set key outside right
plot "runs/budgets.tsv" index 1 with linespoints ls 1 pt 7 ps 0.6 title "MAE, trained", \
     "" index 0 with linespoints ls 9 pt 7 ps 0.6 title "first values, trained", \
     "" index 4 with linespoints ls 3 pt 6 ps 0.6 title "supervised, probe", \
     "" index 3 with linespoints ls 1 dt 2 pt 6 ps 0.6 title "MAE, probe", \
     "" index 2 with linespoints ls 9 pt 6 ps 0.6 title "first values, probe"
