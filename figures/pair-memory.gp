load "../figures/style.gp"
set output "figures/pair-memory.tex"
set xlabel "pairs $N$"; set ylabel "peak memory, MiB"; set logscale xy; set xrange [60:4500]; set yrange [2:2000]
set key outside right
plot "runs/pair-memory.tsv" using 1:2 with linespoints lc rgb "#e3a997" lw 5 dt 1 pt 5 ps 0.9 title "InfoNCE", \
     "runs/pair-memory.tsv" using 1:4 with linespoints ls 1 pt 7 ps 0.4 title "sigmoid, at once", \
     "runs/pair-memory.tsv" using 1:6 with linespoints ls 3 pt 9 ps 0.4 title "sigmoid, 16 chunks", \
     "runs/pair-memory.tsv" using 1:8 with linespoints ls 9 pt 6 ps 0.4 title "chunks of 64"
