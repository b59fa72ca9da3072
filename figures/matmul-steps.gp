load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.5in font ",9" fontscale 0.8
set output "figures/matmul-steps.tex"
set logscale y
set yrange [1:1000]
set ylabel "GFLOP/s" offset 1
set xrange [0.4:7.6]
set xtics scale 0 rotate by 22 right; set bmargin 4
set boxwidth 0.6
set style fill solid 0.35 border -1
unset key
plot "runs/matmul-steps/steps.tsv" using 1:3:xticlabels(sprintf("%d. %s", int(column(1)), strcol(2))) with boxes lc rgb "#1b4f8a", \
     "" using 1:($3*1.4):(sprintf("%.0f", $3)) with labels font ",8", \
     "" using ($1 < 7 ? $1 : 1/0):4 with lines lc rgb "#333333" lw 1.2 dt 2, \
     "" using 1:($1 == 7 ? $4 : 1/0):(0.4) with xerrorbars lc rgb "#333333" lw 1.2 dt 2 pt 0
