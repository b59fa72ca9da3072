load "../figures/style.gp"
set output "figures/postnorm.tex"
span = 20
set xlabel "step"; set ylabel "training loss" offset 1; set yrange [*:2.6]
set key left bottom Left reverse
# Guessing is a thin dark line, so that dashes that lie on it stay visible.
plot "kept/pre-norm/log.tsv" every 2::1 using 1:3 with lines ls 8 notitle, \
     "kept/post-norm/log.tsv" every 2::1 using 1:3 with lines ls 8 notitle, \
     log(8) with lines lc rgb "#000000" lw 0.7 dt 1 title "guessing, $\\ln 8$", \
     n=0, "kept/pre-norm/log.tsv" every ::1 using 1:(running($3)) with lines ls 1 lw 2.5 title "pre-norm", \
     n=0, "kept/post-norm/log.tsv" every ::1 using 1:(running($3)) with lines ls 2 lw 3 dt (12,10) title "post-norm"
