load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,1.95in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/mnist-rate.tex"
set multiplot layout 1,2
set xlabel "step"; set xtics 2000
set ylabel "learning rate" offset 1; set format y "%.4f"
plot "runs/vit-mnist/log.tsv" every 5::1 using 1:4 with lines ls 1 notitle
set ylabel "gradient norm" offset 1; set logscale y; set format y "%g"
set key right top Left reverse
plot "runs/vit-mnist/log.tsv" every 5::1 using 1:5 with lines ls 8 notitle, \
     n=0, "" every ::1 using 1:(running($5)) with lines ls 1 notitle, \
     1 with lines lc rgb "#000000" lw 1.6 dt (14,8) title "limit"
unset multiplot
