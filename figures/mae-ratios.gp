load "../figures/style.gp"
set output "figures/mae-ratios.tex"
set xlabel "fraction of patches that are hidden"; set ylabel "fraction of zero's error, accuracy" ; set xrange [0.15:1]; set yrange [0.2:0.9]
set y2label "seconds"; set y2tics; set y2range [0:40]; set border 11
set key outside right
plot "runs/mae-ratios.tsv" using 1:2 with linespoints ls 2 pt 5 ps 0.6 title "error", \
     "runs/mae-ratios.tsv" using 1:3 with linespoints ls 1 pt 7 ps 0.6 title "linear probe", \
     "runs/mae-ratios.tsv" using 1:4 axes x1y2 with linespoints ls 9 pt 6 ps 0.6 title "seconds"
