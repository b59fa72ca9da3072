load "../figures/style.gp"
set output "figures/postnorm.tex"
span = 20
set xlabel "step"; set ylabel "training loss" offset 1; set yrange [0:2.6]
set key left bottom
guess = log(8)
plot guess with lines lc rgb "#999999" lw 2.5 dt 1 title "$\\ln 8$", \
     "runs/pre-norm/log.tsv" every ::1 using 1:3 with lines ls 8 notitle, \
     "runs/post-norm/log.tsv" every ::1 using 1:3 with lines ls 8 notitle, \
     n=0, "runs/pre-norm/log.tsv" every ::1 using 1:(running($3)) with lines ls 1 title "pre-norm", \
     n=0, "runs/post-norm/log.tsv" every ::1 using 1:(running($3)) with lines ls 2 title "post-norm"
