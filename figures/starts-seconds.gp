load "../figures/style.gp"
set output "figures/starts-seconds.tex"
set xlabel "seconds, both stages"; set ylabel "in-batch accuracy" ; set yrange [0:0.75]; set xrange [0:]
set key outside right
plot "runs/starts.tsv" index 0 using 2:3 with linespoints ls 1 pt 7 ps 0.4 title "from features", \
     "runs/starts.tsv" index 1 using 2:3 with linespoints ls 2 pt 5 ps 0.4 title "from pixels", \
     "runs/starts.tsv" index 3 using 2:3 with linespoints ls 9 pt 6 ps 0.4 title "from scratch"
