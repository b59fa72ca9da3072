load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.6in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/evolution.tex"
set style data histograms; set style histogram clustered gap 1; set style fill pattern 1 border
set yrange [0:1]; set ylabel "fraction"; set key outside top horizontal; set xtics scale 0 rotate by 20 right; set bmargin 4
plot "runs/evolution.tsv" using 2:xtic(1) ls 1 fs solid 0.9 title "zero-shot", \
     "" using 3 ls 1 fs solid 0.5 title "to text", "" using 4 ls 1 fs solid 0.2 title "to image", \
     "" using 5 ls 2 dt 1 fs pattern 4 title "probe"
