/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "testing.h"

static const char few[] = "--batch 16 --steps 4 --warmup 0 --limit 64 --test 40";
static const char tiny[] = "--width 16 --depth 1 --heads 2 --vocabulary 640 --context 40";

/* The folder of a tiny encoder. */
static const char *encoder_of(const char *name) {
  const char *folder = text_of("%s", scratch_folder(name));
  expect_program(0, "train-vit: ", "train-vit",
                 text_of("--data scenes --batch 64 --steps 2 --warmup 0 --limit 256 "
                         "--width 16 --depth 1 --heads 2 --patch-size 16 --out %s",
                         folder));
  return folder;
}

static char *log_of(const char *encoder, const char *folder, const char *options) {
  expect_program(0, "after 4 steps", "train-language",
                 text_of("%s %s --encoder %s %s --out %s", few, tiny, encoder, options,
                         folder));
  return read_file(scratch_path(folder, "log.tsv"), NULL);
}

START_TEST(a_run_leaves_its_files) {
  static const char *const files[] = {"eval.tsv",  "summary.tsv",  "model.safetensors",
                                      "words.txt", "merges.txt",   "spoken.tsv"};
  const char *encoder = encoder_of("language-encoder");
  const char *folder = text_of("%s", scratch_folder("language-run"));
  char *log = log_of(encoder, folder, "--threads 1");
  ck_assert(strstr(log, "\tright\n"));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    free(read_file(scratch_path(folder, files[i]), NULL));
  char *summary = read_file(scratch_path(folder, "summary.tsv"), NULL);
  ck_assert(strstr(summary, "\nseen_caption\t") != NULL);
  ck_assert(strstr(summary, "\nsingle_held_out\t") != NULL);
  ck_assert(strstr(summary, "\nshuffled_questions\t"));
  ck_assert(strstr(summary, "\nimage_tokens\t4\n"));
  char *again = log_of(encoder, text_of("%s", scratch_folder("language-again")),
                       "--threads 3");
  ck_assert_str_eq(log, again);
  free(log), free(again), free(summary);
  expect_program(0, "linear\t0.", "probe", /* a run of it is a run with an encoder */
                 text_of("--data scenes --labels 200 --steps 20 --test 100 %s", folder));
}
END_TEST

START_TEST(every_connector_trains) {
  static const char *const options[] = {
      "--connector mlp --mask prefix", "--connector shuffle --output separate",
      "--connector queries --queries 3", "--connector pooled", "--connector none",
      "--encoder-lr 1e-4 --augment standard --layer penultimate", "--init random"};
  const char *encoder = encoder_of("language-encoder-2"), *output;
  char *logs[7];
  for (int i = 0; i < 7; i++) {
    const char *folder = text_of("%s", scratch_folder("language-connectors"));
    logs[i] = log_of(encoder, folder, options[i]);
    for (int k = 0; k < i; k++) ck_assert_str_ne(logs[i], logs[k]);
    int status = run_command(&output, "%s/describe %s %s/spoken-0.png",
                             programs_folder(), folder, folder);
    ck_assert_int_eq(status, 0);
  }
  for (int i = 0; i < 7; i++) free(logs[i]);
}
END_TEST

START_TEST(a_stopped_run_goes_on) {
  const char *encoder = encoder_of("language-encoder-3");
  const char *folder = text_of("%s", scratch_folder("language-stop"));
  const char *options = "--encoder-lr 1e-3 --connector queries";
  expect_program(130, "stopped; go on with", "train-language",
                 text_of("%s %s --encoder %s %s --stop-at 2 --out %s", few, tiny, encoder,
                         options, folder));
  expect_program(0, "after 4 steps", "train-language", text_of("--resume %s", folder));
  char *a = read_file(scratch_path(folder, "log.tsv"), NULL);
  char *b = log_of(encoder, text_of("%s", scratch_folder("language-whole")), options);
  ck_assert_str_eq(a, b);
  free(a), free(b);
}
END_TEST

/* What a run goes on with must be what it began with: the texts, and its own encoder. */
START_TEST(a_run_goes_on_with_its_own) {
  const char *encoder = encoder_of("language-encoder-7"), *printed;
  const char *folder = text_of("%s", scratch_folder("language-own"));
  const char *data = text_of("%s", scratch_folder("language-data"));
  const char *options = text_of("%s %s --data-dir %s", few, tiny, data);
  expect_program(130, "stopped; go on with", "train-language",
                 text_of("%s --encoder %s --stop-at 2 --out %s", options, encoder,
                         folder));
  char *whole = log_of(encoder, text_of("%s", scratch_folder("language-one")), "");
  /* the encoder's run is done again, with another seed */
  expect_program(0, "train-vit: ", "train-vit",
                 text_of("--data scenes --batch 64 --steps 3 --warmup 0 --limit 256 --lr "
                         "0.1 --width 16 --depth 1 --heads 2 --patch-size 16 --overwrite "
                         "--out %s", encoder));
  expect_program(0, "after 4 steps", "train-language",
                 text_of("--resume %s --data-dir %s", folder, data));
  char *log = read_file(scratch_path(folder, "log.tsv"), NULL);
  ck_assert_str_eq(log, whole);
  free(log), free(whole);
  if (run_command(&printed, "cp -rL data/emoji %s/emoji", data)) return; /* not there */
  const char *emoji = text_of("%s", scratch_folder("language-emoji"));
  expect_program(130, "stopped; go on with", "train-language",
                 text_of("%s --data emoji --context 80 --encoder %s --stop-at 2 --out %s",
                         options, encoder, emoji));
  run_command(&printed, "sed -i s/ACCEPT/EXCEPT/g %s/emoji/emoji.json", data);
  expect_program(1, "expected the data that the run was trained on", "train-language",
                 text_of("--resume %s --data-dir %s", emoji, data));
}
END_TEST

START_TEST(a_run_is_asked) {
  const char *encoder = encoder_of("language-encoder-4"), *output;
  const char *folder = text_of("%s", scratch_folder("language-asked"));
  const char *look = text_of("%s/look", scratch_folder("language-look"));
  free(log_of(encoder, folder, "--connector mlp"));
  const char *picture = text_of("%s/spoken-0.png", folder);
  ck_assert_int_eq(run_command(&output, "cat %s/words.txt", folder), 0);
  const char *question = "what colour is the star?";
  int status = run_command(&output,
                           "%s/describe --look %s %s %s %s -- '%s' 2>/dev/null",
                           programs_folder(), look, folder, picture, picture, question);
  ck_assert_int_eq(status, 0);
  ck_assert_msg(strncmp(output, text_of("%s\t0.", picture), strlen(picture) + 3) == 0,
                "%s", output);
  const char *line = strchr(output, '\n') + 1; /* the same picture, the same answer */
  ck_assert_int_eq(strncmp(output, line, (size_t)(line - output)), 0);
  free(read_file(text_of("%s/look-0.png", look), NULL));
  char *table = read_file(text_of("%s/look-1.tsv", look), NULL);
  ck_assert(strchr(table, '\t'));
  free(table);
  char *drawn[2];
  for (int i = 0; i < 2; i++) { /* other seeds draw other words */
    run_command(&output, "%s/describe --temperature 3 --seed %d %s %s 2>/dev/null",
                programs_folder(), i + 1, folder, picture);
    drawn[i] = strdup(output);
  }
  ck_assert_str_ne(drawn[0], drawn[1]);
  free(drawn[0]), free(drawn[1]);
}
END_TEST

START_TEST(what_is_impossible_is_named) {
  const char *encoder = encoder_of("language-encoder-5");
  const char *folder = text_of("%s", scratch_folder("language-wrong"));
  const char *blind = text_of("%s", scratch_folder("language-blind"));
  const char *odd = text_of("%s", scratch_folder("language-odd"));
  expect_program(0, "train-vit: ", "train-vit",
                 text_of("--data scenes --steps 1 --warmup 0 --limit 64 --patch-size 32 "
                         "--width 8 --depth 1 --heads 1 --out %s", odd));
  free(log_of(encoder, folder, ""));
  free(log_of(encoder, blind, "--connector none"));
  const char *picture = text_of("%s/spoken-0.png", folder);
  static const char *const to[] = {"train-language", "describe"};
  expect_program(2, "--encoder: expected the folder of a run with an image encoder, "
                 "found none", to[0], "");
  expect_program(1, "nowhere/model.safetensors: cannot open", to[0], "--encoder nowhere");
  expect_program(2, "--connector: expected an even number of patches on a side", to[0],
                 text_of("--encoder %s --connector shuffle --limit 64 --batch 8", odd));
  expect_program(2, "--heads: expected a divisor of --width 16, found 3", to[0],
                 text_of("--encoder %s --width 16 --heads 3 --limit 64", encoder));
  expect_program(2, "--lr: expected more than 0 with --encoder-lr 0.1, found 0", to[0],
                 text_of("%s --encoder %s --lr 0 --encoder-lr 0.1", few, encoder));
  expect_program(2, "--context: expected at least ", to[0],
                 text_of("%s --encoder %s --width 16 --heads 2 --context 5", few,
                         encoder));
  // What describe refuses
  expect_program(1, "model.safetensors: expected metadata connector, found none", to[1],
                 text_of("%s %s", encoder, picture));
  expect_program(2, "expected RUN and at least one PICTURE, found 1 arguments", to[1],
                 folder);
  expect_program(2, "expected one question after --, found 2", to[1],
                 text_of("%s %s -- a b", folder, picture));
  expect_program(2, "expected one question after --, found 0", to[1],
                 text_of("%s %s --", folder, picture));
  expect_program(2, "expected a question after --, found an empty one", to[1],
                 text_of("%s %s -- ' '", folder, picture));
  expect_program(2, "found 'pink'", to[1],
                 text_of("%s %s -- 'is there a pink bar?'", folder, picture));
  expect_program(2, "expected a question of at most 38 tokens, found 50", to[1],
                 text_of("%s %s -- \"$(yes what | head -n 50 | xargs)\"", folder,
                         picture));
  expect_program(1, "nowhere.png: cannot open", to[1], text_of("%s nowhere.png", folder));
  expect_program(2, "--look: expected a model that sees, found one without a connector",
                 to[1], text_of("--look /tmp %s %s", blind, picture));
}
END_TEST

START_TEST(full_disks_are_named) {
  static const char *const files[] = {"words.txt", "spoken.tsv", "spoken-0.png",
                                      "summary.tsv"};
  const char *encoder = encoder_of("language-encoder-6");
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const char *output, *folder = text_of("%s", scratch_folder("language-full"));
    run_command(&output, "ln -s /dev/full %s/%s.new", folder, files[i]);
    expect_program(1, text_of("%s: cannot write: No space left", files[i]),
                   "train-language", text_of("%s %s --encoder %s --out %s", few, tiny,
                                             encoder, folder));
  }
}
END_TEST

TEST_MAIN("language programs", a_run_leaves_its_files, every_connector_trains,
          a_stopped_run_goes_on, a_run_goes_on_with_its_own, a_run_is_asked,
          what_is_impossible_is_named, full_disks_are_named)
