load "../figures/style.gp"
set output "figures/mae-loss.tex"
set xlabel "step"; set ylabel "error"; set yrange [0.5:1.1]
set key right top
span = 10
plot 47.0/48 with lines ls 9 notitle, \
     "runs/mae-cifar/log.tsv" every ::1 using 1:3 with lines ls 8 notitle, \
     n=0, "runs/mae-cifar/log.tsv" every ::1 using 1:(running($3)) with lines ls 1 title "training", \
     "runs/mae-cifar/eval.tsv" every ::1 using 1:3 with points ls 2 dt 1 pt 6 ps 0.8 title "held out"
