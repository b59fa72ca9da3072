load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.4in font ",9" fontscale 0.8
set output "figures/matmul-steps.tex"
set logscale y
set yrange [1:1000]
set ylabel "GFLOP/s" offset 1
set xrange [0.4:7.6]
set xtics scale 0
set for [i=1:7] xtics (sprintf("%d", i) i)
set boxwidth 0.6
set style fill solid 0.35 border -1
unset key
set label 1 "" at 0,0
plot "runs/matmul-steps/steps.tsv" using 1:3 with boxes lc rgb "#1b4f8a", \
     "" using 1:($3*1.35):(sprintf("%.0f", $3)) with labels font ",8", \
     "" using 1:(1.25):2 with labels font ",7" rotate by 90 left, \
     "" using ($1 < 7 ? $1 : 1/0):4 with lines ls 9, \
     "" using 1:($1 == 7 ? $4 : 1/0):(0.4) with xerrorbars ls 9 pt 0
