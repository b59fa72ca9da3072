load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.0in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/ablation.tex"
span = 20
set multiplot layout 1,2
set xlabel "epoch"; set xtics 1; set yrange [0:1.02]; set key right bottom
set ylabel "test accuracy" offset 1
set title "drawn shapes" offset 0,-0.8
plot for [k=1:3] "runs/position-".word("none learned sincos", k)."/eval.tsv" every ::1 using 2:4 \
     with linespoints ls k pt 4+k ps 0.5+0.3*(k==2) title word("none learned sin-cos", k)
set title "digits"; set xlabel "step"; set xtics 100; unset key; set ylabel "training accuracy"; set yrange [0:*]; set ytics 0.1
plot for [k=1:3] n=0, "runs/digits-".word("none learned sincos", k)."/log.tsv" every ::1 using 1:(running($6)) \
     with lines ls k notitle
unset multiplot
