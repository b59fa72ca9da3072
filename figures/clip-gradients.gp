load "../figures/style.gp"
set output "figures/clip-gradients.tex"
set xlabel "step"; set ylabel "gradient norm"; set logscale y
set key outside right
span = 20
plot n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($8)) with lines ls 1 title "picture, scenes", \
     n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($9)) with lines ls 2 title "text, scenes", \
     n=0, "runs/clip-emoji/log.tsv" every ::1 using 1:(running($8)) with lines ls 3 title "picture, emoji", \
     n=0, "runs/clip-emoji/log.tsv" every ::1 using 1:(running($9)) with lines ls 9 lw 1.6 title "text, emoji"
