load "../figures/style.gp"
set terminal cairolatex pdf size 3.7in,2.9in font ",9" fontscale 0.8
set output "figures/confusion.tex"
unset key; unset colorbox
set border 15
set palette defined (0 "#ffffff", 1 "#8a9bb5")
set xrange [-0.5:9.5]; set yrange [9.5:-0.5]
set xtics 1 scale 0; set ytics 1 scale 0
set xlabel "answer"; set ylabel "truth"
do for [k=0:8] { # thin lines between the cells; the diagonal is crossed out
  set arrow from k+0.5,-0.5 to k+0.5,9.5 nohead front lc rgb "#cccccc" lw 0.4
  set arrow from -0.5,k+0.5 to 9.5,k+0.5 nohead front lc rgb "#cccccc" lw 0.4
}
set arrow from -0.5,-0.5 to 9.5,9.5 nohead front lc rgb "#777777" lw 0.8
plot "runs/vit-mnist/confusion.tsv" using 2:1:($1 == $2 ? 0 : $3) with image, \
     "" using 2:1:($1 == $2 || $3 == 0 ? "" : sprintf("%d", $3)) with labels
