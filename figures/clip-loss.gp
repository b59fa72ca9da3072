load "../figures/style.gp"
set output "figures/clip-loss.tex"
set xlabel "step"; set ylabel "training loss" ; set yrange [0:6.5]
set key outside right
plot log(128) with lines ls 9 notitle, \
     "runs/clip-shapes/log.tsv" every ::1 using 1:3 with lines ls 8 notitle, \
     "runs/clip-emoji/log.tsv" every ::1 using 1:3 with lines ls 8 notitle, \
     n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($3)) with lines ls 1 title "scenes", \
     n=0, "runs/clip-emoji/log.tsv" every ::1 using 1:(running($3)) with lines ls 2 title "emoji", \
     "runs/clip-emoji/eval.tsv" every ::1 using 1:3 with points ls 3 pt 6 ps 0.5 title "emoji, unseen vendor"
