load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.4in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/mae-cost.tex"
set multiplot layout 1,2 margins 0.09,0.98,0.18,0.95 spacing 0.14
# 64 patches, of which a whole number is kept, and CLS; multiply-adds of a block of width D: 12 D^2 T + 2 D T^2.
tokens(x) = (1 + floor(64 * (1 - x) + 1e-9)) / 65.0
D = 128
work(x) = tokens(x) * (12 * D + 2 * 65 * tokens(x)) / (12 * D + 2 * 65)
set xlabel "fraction of patches hidden"; set ylabel "time" offset 1
set xrange [0:1]; set xtics 0.25; set yrange [0:1.1]; set key right top
plot (1 + 64 * (1 - x)) / 65 with lines ls 9 title "tokens", \
     "runs/mae-cost.tsv" using ($1/100):2 with linespoints ls 1 pt 7 ps 0.6 title "time"
set ylabel "per token" offset 1
set yrange [*<0.8:1.2<*]; set key right top
plot 1 with lines ls 9 notitle, \
     "runs/mae-cost.tsv" using ($1/100):(work($1/100)/tokens($1/100)) with linespoints ls 2 pt 5 ps 0.6 title "multiply-adds", \
     "runs/mae-cost.tsv" using ($1/100):($2/tokens($1/100)) with linespoints ls 1 pt 7 ps 0.6 title "time"
unset multiplot
