load "../figures/style.gp"
set output "figures/mae-cost.tex"
set xlabel "fraction of patches that are hidden"; set ylabel "time, fraction of the unmasked"
set xrange [0:1]; set yrange [0:1.1]; set key right top
plot (1 + 64 * (1 - x)) / 65 with lines ls 9 title "tokens", \
     "runs/mae-cost.tsv" using ($1/100):2 with linespoints ls 1 pt 7 ps 0.6 title "time"
