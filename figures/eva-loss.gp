load "../figures/style.gp"
set output "figures/eva-loss.tex"
set xlabel "step"; set ylabel "fraction of a constant's error" ; set yrange [0.4:1.2]
set key outside right
span = 20
plot 1 with lines ls 9 notitle, \
     n=0, "runs/eva-scenes/log.tsv" every ::1 using 1:(running($6)) with lines ls 1 title "features, blocks", \
     n=0, "runs/eva-features-random/log.tsv" every ::1 using 1:(running($6)) with lines ls 2 title "features, random", \
     n=0, "runs/eva-pixels-blocks/log.tsv" every ::1 using 1:(running($6)) with lines ls 3 title "pixels, blocks", \
     n=0, "runs/eva-pixels-random/log.tsv" every ::1 using 1:(running($6)) with lines ls 1 dt 3 title "pixels, random"
