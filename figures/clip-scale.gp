load "../figures/style.gp"
set output "figures/clip-scale.tex"
set xlabel "step"; set ylabel "scale $t$"; set yrange [0:*]
set key right bottom
plot 1/0.07 with lines ls 9 notitle, \
     "runs/clip-shapes/log.tsv" every ::1 using 1:(exp($7)) with lines ls 1 title "scenes", \
     "runs/clip-emoji/log.tsv" every ::1 using 1:(exp($7)) with lines ls 2 title "emoji"
