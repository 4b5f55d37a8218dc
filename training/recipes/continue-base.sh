#!/usr/bin/env bash
# Goes on training the base, everything in one go:
#   bash training/recipes/continue-base.sh CORPUS INIT OUT [RECIPE]
# CORPUS: pretrain*, reader*, chat* files (training/mixture.py). INIT: a bfloat16 folder to start from, with tokenizer
# and chat template. OUT: gets data/, run/<stage>/ and nf4/, the folder to ship. Run in the repository's root.
set -euo pipefail
corpus=$1 init=$2 out=$3 recipe=${4:-training/recipes/continue-base.yaml}
export OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
cores=$(nproc --all)  # plain nproc gives OMP_NUM_THREADS
gpus=$(nvidia-smi -L | wc -l)
mkdir -p "$out"

samples() {  # workers, then more options: rows of samples until they are enough or OUT/data/stop exists
  local workers=$1; shift
  python3 -m training.corpus --corpus "$corpus" --tokenizer "$init/tokenizer.json" --out "$out/data" --workers "$workers" --rows 512 "$@"
}
first=$((cores * 3 / 8))
samples "$first" --shards 14 --seed 41 --refusals 0.09 --question-first 0.6 --share scene=17 --share list=10 --share drill=15 \
  --share reader=16 --share rule=5 --share cloze=22 --share talk=10 --share chat=5 > "$out/first.log" 2>&1 &
samples $((cores * 9 / 16)) --no-text --folder answers --shards 80 --seed 91 --refusals 0.13 --question-first 0.65 --share scene=20 \
  --share list=12 --share drill=15 --share reader=25 --share rule=3 --share cloze=11 --share talk=10 --share chat=4 > "$out/answers.log" 2>&1 &
while [ "$(find "$out/data/text" -name '*.npz' 2> /dev/null | wc -l)" -lt "$first" ]; do
  kill -0 %1 || { cat "$out/first.log"; exit 1; }
  sleep 0.5
done
torchrun --nproc-per-node "$gpus" -m training.pretrain "$recipe" --data "$out/data" --out "$out/run" --init "$init"
touch "$out/data/stop"
last=$out/run/$(python3 -c "import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))['stages'][-1]['name'])" "$recipe")
cp "$init"/tokenizer*.json "$init/chat_template.jinja" "$last/"
python3 -m training.average "$init" "$last" --out "$out/half"  # half way between both keeps what the run has lost
python3 -c "import sys; from pathlib import Path; from training.quantise import write_nf4; write_nf4(Path(sys.argv[1]), Path(sys.argv[2]))" "$out/half" "$out/nf4"
wait
