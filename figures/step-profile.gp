load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.2in font ",9" fontscale 0.8
set output "figures/step-profile.tex"
file = "runs/profile.tsv"
stats file using 3 name "N" nooutput
stats file using 5 name "F" nooutput
set multiplot layout 2,1 margins 0.1,0.97,0.2,0.96 spacing 0,0.26
set style fill solid 0.35 border -1
set yrange [-0.5:0.5]; unset ytics; unset key
set border 1
set ylabel "naive" rotate by 0 offset 1,0
set xrange [0:N_max]
plot file using (($2+$3)/2):(0):2:3:(-0.4):(0.4) with boxxyerror lc rgb "#1b4f8a", \
     file using (($2+$3)/2):(0):($3-$2 > 0.05*N_max ? strcol(1) : "") with labels font ",7"
set ylabel "fast"
set xlabel "milliseconds on one core" offset 0,0.6
set xrange [0:F_max]
plot file using (($4+$5)/2):(0):4:5:(-0.4):(0.4) with boxxyerror lc rgb "#1b4f8a", \
     file using (($4+$5)/2):(0):($5-$4 > 0.04*F_max ? strcol(1) : "") with labels font ",7"
unset multiplot
