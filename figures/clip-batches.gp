load "../figures/style.gp"
set output "figures/clip-batches.tex"
set xlabel "pairs in a batch"; set ylabel "test loss" offset 0
set logscale x 2; set yrange [0:*]; set xrange [14:290]; set key outside right
plot "runs/clip-shapes/batches.tsv" using 1:3 with linespoints ls 9 pt 2 ps 0.5 title '$\ln N$', \
     "" using 1:2 with linespoints ls 1 pt 7 ps 0.5 title "scenes", \
     "kept/clip-emoji/batches.tsv" using 1:2 with linespoints ls 2 pt 5 ps 0.5 title "emoji"
