load "../figures/style.gp"
set terminal cairolatex pdf size 2.6in,2.2in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/clip-gradients.tex"
set xlabel "step"; set ylabel "gradient norm" offset 1; set logscale y; set xtics 500
set yrange [0.3:300]; set key right top
span = 20
plot n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($8)) with lines ls 1 title "image, scenes", \
     n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($9)) with lines ls 2 title "text, scenes", \
     n=0, "kept/clip-emoji/log.tsv" every ::1 using 1:(running($8)) with lines ls 3 title "image, emoji", \
     n=0, "kept/clip-emoji/log.tsv" every ::1 using 1:(running($9)) with lines ls 9 lw 1.6 title "text, emoji"
