load "../figures/style.gp"
set output "figures/pair-memory.tex"
set xlabel "pairs $N$"; set ylabel "peak memory, MiB"; set logscale xy; set xrange [60:4500]; set yrange [2:2000]
set key outside right
plot "runs/pair-memory.tsv" using 1:2 with linespoints lc rgb "#e3a997" lw 5 dt 1 pt 5 ps 0.9 title "InfoNCE", \
     "" using 1:4 with linespoints ls 1 pt 7 ps 0.4 title "sigmoid, at once", \
     "" using 1:6 with linespoints lc rgb "#a9c9b4" lw 5 dt 1 pt 9 ps 0.9 title "sigmoid, 16 chunks", \
     "" using 1:8 with linespoints lc rgb "#333333" lw 1.5 dt 2 pt 6 ps 0.5 title "chunks of 64"
