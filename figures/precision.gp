load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,3.6in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/precision.tex"
run(data, kind) = "runs/precision-" . data . "-" . kind . "-1/log.tsv"
set multiplot layout 2,2
unset key
set xlabel "step"; set ylabel "loss" offset 1
do for [panel=1:4] {
  data = word("mnist small cifar clip", panel)
  set title word("MNIST,~rate~0.003 MNIST,~rate~0.0001 CIFAR-10 CLIP,~scenes", panel) offset 0,-1
  span = 20
  if (panel == 2) { set key left bottom } else { unset key }
  set yrange [word("0 1.6 1.4 0.4", panel) + 0:word("2.4 2.4 2.4 4", panel) + 0]
  set xrange [0:word("937 900 400 624", panel) + 0]
  set xtics word("300 300 100 200", panel) + 0
  set ytics word("0.5 0.2 0.2 1", panel) + 0
  if (panel == 4) { set logscale y; set ytics (0.5, 1, 2, 4) }
  plot n=0, run(data, "fp32") every ::1 using 1:(running($3)) with lines lc rgb "#b0b8c4" lw 4 dt 1 title "fp32", \
       n=0, run(data, "bf16") every ::1 using 1:(running($3)) with lines lc rgb "#1b4f8a" lw 1 dt 1 title "bf16", \
       n=0, run(data, "pure-bf16") every ::1 using 1:(running($3)) with lines lc rgb "#c8553d" lw 1.2 dt 2 title "pure bf16"
}
unset multiplot
