load "../figures/style.gp"
set terminal cairolatex pdf size 4.6in,2.0in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/gradients.tex"
set logscale y; set format y "$10^{%L}$"
set ylabel "gradient norm" offset -1
set style data linespoints
set offsets 0.3, 0.3, 0, 0
set key outside center top horizontal
plot "runs/vit-mnist/layers.tsv" using 0:3:xtic(2) ls 1 pt 7 ps 0.6 title "second step", \
     "" using 0:4 ls 2 pt 6 ps 0.8 title "last step"
