load "../figures/style.gp"
set output "figures/start.tex"
set xlabel "dimensions"; set ylabel "loss of random vectors" offset 1
set logscale x 2; set yrange [3:18]; set xrange [2:1024]
plot "runs/start.tsv" using 1:4 with lines ls 9 notitle, \
     "" using 1:($5 < 18 ? $5 : NaN) with lines ls 8 lw 1.5 title 'estimate', \
     "" using 1:2 with linespoints ls 1 pt 7 ps 0.5 title '$t=1/0.07$', \
     "" using 1:3 with linespoints ls 2 pt 5 ps 0.5 title '$t=1$'
