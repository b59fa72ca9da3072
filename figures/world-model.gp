load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,1.95in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/world-model.tex"
set xlabel "processors $R$"; set ylabel "sending, part of a step"; set logscale x 2; set xrange [2:1024]; set yrange [0:1]
set key outside right
P = 428e6; N = 32768.; E = 768.; W = 2.65 * 256; alpha = 20e-6
bytes(R) = (R - 1) / R * (2 * 4 * P + 2 * 4 * N * E)
sending(R, rate) = 2 * (R - 1) * alpha + bytes(R) / rate
part(R, rate) = sending(R, rate) / (W / R + sending(R, rate))
set samples 200
plot part(x, 1.25e9) with lines ls 2 title "1.25 GB/s", part(x, 12.5e9) with lines ls 1 title "12.5 GB/s", part(x, 100e9) with lines ls 3 title "100 GB/s"
