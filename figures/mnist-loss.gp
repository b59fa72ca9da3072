load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,1.95in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/mnist-loss.tex"
set multiplot layout 1,2
set xlabel "step"; set xtics 2000
set ylabel "loss" offset 1; set yrange [0:2.5]
plot "runs/vit-mnist/log.tsv" every 5::1 using 1:3 with lines ls 8 notitle, \
     n=0, "" every ::1 using 1:(running($3)) with lines ls 1 title "training", \
     "runs/vit-mnist/eval.tsv" every ::1 using 1:3 with points pt 7 ps 0.6 lc rgb "#c8553d" title "test"
set ylabel "accuracy" offset 1; set yrange [0:1.02]; set key right bottom
plot "runs/vit-mnist/log.tsv" every 5::1 using 1:6 with lines ls 8 notitle, \
     n=0, "" every ::1 using 1:(running($6)) with lines ls 1 title "training", \
     "runs/vit-mnist/eval.tsv" every ::1 using 1:4 with points pt 7 ps 0.6 lc rgb "#c8553d" title "test"
unset multiplot
