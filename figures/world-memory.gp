load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,1.95in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/world-memory.tex"
set xlabel "pairs $N$"; set ylabel "memory of a process, MiB"; set logscale xy; set xrange [230:9000]; set yrange [15:2000]
set key outside right; set xtics (256, 512, 1024, 2048, 4096, 8192)
of(what, processes) = sprintf("<awk -F '\\t' '$1 == \"%s\" && $2 == %d' ../figures/world-losses.tsv", what, processes)
plot of("info-nce", 1) using 3:6 with linespoints ls 1 pt 7 ps 0.5 title "InfoNCE, 1 process", \
     of("info-nce", 2) using 3:6 with linespoints ls 1 dt 2 pt 7 ps 0.5 title "2 processes", \
     of("info-nce", 4) using 3:6 with linespoints ls 1 dt 3 pt 7 ps 0.5 title "4 processes", \
     of("ring", 1) using 3:6 with linespoints ls 2 dt 1 pt 5 ps 0.5 title "ring, 1 process", \
     of("ring", 2) using 3:6 with linespoints ls 2 dt 2 pt 5 ps 0.5 title "2 processes", \
     of("ring", 4) using 3:6 with linespoints ls 2 dt 3 pt 5 ps 0.5 title "4 processes"
