load "../figures/style.gp"
set output "figures/gradients.tex"
set logscale y; set format y "$10^{%L}$"
set ylabel "gradient norm" offset -1
set xtics rotate by 0 font ",8"
set style data linespoints
set offsets 0.3, 0.3, 0, 0
set key center center
plot "runs/vit-mnist/layers.tsv" using 0:3:xtic(2) ls 1 pt 7 ps 0.6 title "second step", \
     "" using 0:4 ls 2 pt 6 ps 0.6 title "last step"
