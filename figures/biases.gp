load "../figures/style.gp"
set output "figures/biases.tex"
set ylabel "recall at 10"; set xrange [-0.5:3.5]; set yrange [0:1]; unset key; set boxwidth 0.5
set style fill solid 0.35 border
set xtics ("$-10$" 0, "$-\\ln(N-1)$" 1, "$0$" 2, "none" 3) ; set xlabel "bias that training begins with"
biases = "< ../tools/compare points test_to_text_r10 loss-sigmoid-64 bias-balanced bias-zero bias-none"
plot biases using 0:2 with boxes ls 1, "" using 0:2:3 with yerrorbars ls 2 dt 1 lw 1.2 pt 7 ps 0.4
