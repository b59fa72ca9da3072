load "../figures/style.gp"
set output "figures/clip-gradients.tex"
set xlabel "step"; set ylabel "length of the gradient" offset 1; set logscale y
set key right bottom
span = 20
plot n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($8)) with lines ls 1 title "image tower, scenes", \
     n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($9)) with lines ls 2 title "text tower, scenes", \
     n=0, "runs/clip-emoji/log.tsv" every ::1 using 1:(running($8)) with lines ls 3 title "image tower, emoji", \
     n=0, "runs/clip-emoji/log.tsv" every ::1 using 1:(running($9)) with lines ls 9 lw 1.6 title "text tower, emoji"
