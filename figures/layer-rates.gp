load "../figures/style.gp"
set output "figures/layer-rates.tex"
set logscale y; set xlabel "block"; set ylabel "fraction; gradient norm"
set style data linespoints
set offsets 0.3, 0.3, 0, 0
set key outside right
plot "runs/layers.tsv" using 0:8:xtic(2) ls 3 pt 5 ps 0.6 title "rate, decay 0.75", \
     "" using 0:3 ls 9 pt 6 ps 0.6 title "gradient, no decay", \
     "" using 0:7 ls 1 pt 7 ps 0.6 title "gradient, decay", \
     "" using 0:($7*$8) ls 2 pt 7 ps 0.6 title "gradient times rate"
