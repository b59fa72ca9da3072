load "../figures/style.gp"
set terminal cairolatex pdf size 4.2in,2.5in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/budgets.tex"
points(key, kind, small) = "< ../tools/compare points " . key . " " . kind . "-500 " . small . " " . kind . "-50000"
labels(k) = 500 * 10 ** k
set logscale x; set xrange [350:90000]; set xtics ("500" 500, "5,000" 5000, "50,000" 50000)
set xlabel "labels"; set ylabel "accuracy" offset 1; set yrange [0.2:0.65]; set ytics 0.1
set key outside right Left reverse width 0
plot points("test_accuracy", "tune-mae", "tune-mae-5000") using (labels($0)):2:3 with yerrorlines ls 1 pt 7 ps 0.6 title "MAE, all trained", \
     points("linear", "know-mae", "know-hide-75") using (labels($0)):2:3 with yerrorlines ls 1 dt 3 pt 6 ps 0.6 title "MAE, probe", \
     points("test_accuracy", "tune-none", "tune-none-5000") using (labels($0)):2:3 with yerrorlines ls 2 dt 1 pt 5 ps 0.6 title "random, all trained", \
     points("linear", "know-none", "know-untrained") using (labels($0)):2:3 with yerrorlines ls 2 dt 3 pt 4 ps 0.6 title "random, probe"
