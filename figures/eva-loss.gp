load "../figures/style.gp"
set output "figures/eva-loss.tex"
set xlabel "step"; set ylabel "fraction of a constant's error" ; set yrange [0.4:1.2]
set key outside right
span = 20
plot 1 with lines ls 9 notitle, \
     n=0, "runs/eva-scenes/log.tsv" every ::1 using 1:(running($6)) with lines ls 1 notitle
