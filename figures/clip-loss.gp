load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.35in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/clip-loss.tex"
set multiplot layout 1,2 margins 0.08,0.99,0.19,0.96 spacing 0.12
set xlabel "step"; set ylabel "loss" offset 1; set yrange [0:6.5]
set xtics 500; set xrange [0:*]
unset key
span = 20
plot log(128) with lines ls 9, \
     "runs/clip-shapes/log.tsv" every 2::1 using 1:3 with lines ls 8 lw 0.3, \
     "kept/clip-emoji/log.tsv" every 2::1 using 1:3 with lines ls 8 lw 0.3, \
     n=0, "runs/clip-shapes/log.tsv" every ::1 using 1:(running($3)) with lines ls 1, \
     n=0, "kept/clip-emoji/log.tsv" every ::1 using 1:(running($3)) with lines ls 2, \
     "kept/clip-emoji/eval.tsv" every ::1 using 1:3 with points ls 2 dt 1 pt 6 ps 0.6
set ylabel "in-batch accuracy" offset 1; set yrange [0:1]
set key at graph 0.98,0.48 right center vertical
plot "runs/clip-shapes/eval.tsv" every ::1 using 1:4 with linespoints ls 1 pt 7 ps 0.5 title "scenes", \
     "kept/clip-emoji/eval.tsv" every ::1 using 1:4 with linespoints ls 2 pt 6 ps 0.6 title "emoji"
unset multiplot
