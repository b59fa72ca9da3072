load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.35in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/budgets.tex"
# Two standard deviations of a fraction p of the n pictures that were tested.
n = real(system("awk -F '\t' '$1 == \"test_images\" { print $2 }' runs/probe-mae/summary.tsv"))
chance(p) = 2 * sqrt(p * (1 - p) / n)
set multiplot layout 1,2 margins 0.08,0.99,0.19,0.88 spacing 0.10
set logscale x; set xrange [350:70000]; set xtics ("500" 500, "5,000" 5000, "50,000" 50000)
set xlabel "labels"; set ylabel "accuracy" offset 1; set yrange [0.2:0.8]; set ytics 0.1
set key left top Left reverse width 0
set title "all of the encoder trained" offset 0,-0.7
plot "runs/budgets.tsv" index 1 using 1:2 with lines ls 1 notitle, \
     "" index 1 using 1:2:(chance($2)) with yerrorbars ls 1 pt 7 ps 0.6 title "from mae-cifar", \
     "" index 0 using 1:2 with lines ls 2 notitle, \
     "" index 0 using 1:2:(chance($2)) with yerrorbars ls 2 dt 1 pt 5 ps 0.6 title "from initial values"
unset ylabel
set title "linear probe, encoder frozen" offset 0,-0.7
plot "runs/budgets.tsv" index 4 using 1:2 with lines ls 3 notitle, \
     "" index 4 using 1:2:(chance($2)) with yerrorbars ls 3 dt 1 pt 9 ps 0.7 title "vit-cifar", \
     "" index 3 using 1:2 with lines ls 1 notitle, \
     "" index 3 using 1:2:(chance($2)) with yerrorbars ls 1 pt 7 ps 0.6 title "mae-cifar", \
     "" index 2 using 1:2 with lines ls 2 notitle, \
     "" index 2 using 1:2:(chance($2)) with yerrorbars ls 2 dt 1 pt 5 ps 0.6 title "initial values"
unset multiplot
