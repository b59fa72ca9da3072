load "../figures/style.gp"
set terminal cairolatex pdf size 2.6in,2.2in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/clip-scale.tex"
set xlabel "step"; set ylabel "scale $t$" offset 1; set yrange [0:*]; set xtics 500
set key right bottom
plot 1/0.07 with lines ls 9 notitle, \
     "runs/clip-shapes/log.tsv" every ::1 using 1:(exp($7)) with lines ls 1 title "scenes", \
     "kept/clip-emoji/log.tsv" every ::1 using 1:(exp($7)) with lines ls 2 title "emoji"
