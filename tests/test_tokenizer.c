/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/tokenizer.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/random.h"
#include "testing.h"

#include "base/error.h"

static const char *const captions[] = {"a red ring", "a red thing", "a ring"};

// Compare tokens
static void expect_ids(const Tokenizer *t, const char *text, const int *want, int n) {
  int *ids, count = tokenizer_split(t, text, strlen(text), &ids);
  ck_assert_msg(count == n, "'%s': %d tokens, expected %d", text, count, n);
  for (int i = 0; i < n; i++)
    ck_assert_msg(ids[i] == want[i], "'%s': token %d is %d, expected %d", text, i,
                  ids[i], want[i]);
  free(ids);
}

#define EXPECT_IDS(t, text, ...)                            \
  expect_ids(t, text, (const int[]){__VA_ARGS__},           \
             (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

/* Encoded and decoded again; the caller frees. */
static char *there_and_back(const Tokenizer *t, const char *text, size_t length,
                            size_t *got) {
  int *ids, count = tokenizer_split(t, text, length, &ids);
  char *back = tokenizer_decode(t, ids, count, got);
  free(ids);
  return back;
}

// What is learnt and how it reads
START_TEST(three_captions) {
  const char *want[] = {"in", "ing</w>", "ed</w>", "ring</w>", "red</w>",
                        "<|startoftext|>", "<|endoftext|>"};
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  ck_assert_int_eq(tokenizer_size(t), 519);
  for (int i = 0; i < 7; i++) ck_assert_str_eq(tokenizer_symbol(t, 512 + i), want[i]);
  EXPECT_IDS(t, "a red thing", 320, 516, 83, 71, 513);
  EXPECT_IDS(t, "a string", 320, 82, 83, 515);
  EXPECT_IDS(t, "ringed ringing", 81, 512, 70, 514, 81, 512, 70, 513);
  tokenizer_free(t);
  t = tokenizer_train(captions, 3, 516); /* the first two merges only */
  EXPECT_IDS(t, "red ring", 81, 68, 323, 81, 513);
  tokenizer_free(t);
}
END_TEST

START_TEST(symbols_have_clips_order) {
  Tokenizer *t = tokenizer_train(NULL, 0, 514);
  const struct {
    int id;
    const char *text;
  } want[] = {{0, "!"}, {64, "a"}, {93, "~"}, {94, "\u00a1"}, {105, "\u00ac"},
              {106, "\u00ae"}, {187, "\u00ff"}, {188, "\u0100"}, {220, "\u0120"},
              {255, "\u0143"}, {256, "!</w>"}, {511, "\u0143</w>"}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++)
    ck_assert_str_eq(tokenizer_symbol(t, want[i].id), want[i].text);
  for (int id = 0; id < 256; id++) { /* each byte comes back */
    size_t n;
    char *text = tokenizer_decode(t, &id, 1, &n);
    int byte = (uint8_t)text[0];
    ck_assert_uint_eq(n, 1);
    if (byte > 32 && byte < 127) ck_assert_int_eq(id, byte - 33);
    if (byte <= 32) ck_assert_int_eq(id, 188 + byte);
    free(text);
  }
  tokenizer_free(t);
}
END_TEST

START_TEST(text_is_cleaned_and_cut) {
  const struct {
    const char *text, *cut;
  } want[] = {
      {"", ""}, {" \t\n ", ""}, {"  A\tRed \r\n Ring ", "a red ring"},
      {"It's 2021, no?!", "it 's 2 0 2 1 , no ?!"},
      {"they'll we'd I'm", "they 'll we 'd i 'm"},
      {"you've we're can't", "you 've we 're can 't"},
      {"'single' ''s", "'s ingle ' '' s"}, {"x'stone", "x 's tone"},
      {"a_b-c", "a _ b - c"},
      /* capitals between spaces of other kinds; digits; Japanese and an emoji */
      {"\u00c4\u00d6\u00a0\u00df\u3000\u03a9", "\u00e4\u00f6 \u00df \u03c9"},
      {"x\u00b2\u00bd\u0663", "x \u00b2 \u00bd \u0663"},
      {"\u6f22\u5b57\u304b\U0001f600!", "\u6f22\u5b57\u304b \U0001f600!"},
      {"\u023aA", "\u2c65a"}}; /* whose small letter has a byte more */
  Tokenizer *t = tokenizer_train(NULL, 0, 514);
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    char *back = there_and_back(t, want[i].text, strlen(want[i].text), NULL);
    ck_assert_str_eq(back, want[i].cut);
    free(back);
  }
  tokenizer_free(t);
}
END_TEST

START_TEST(long_text_is_cut) {
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  int ids[8], end = tokenizer_size(t) - 1;
  const int want[][8] = {{517, 518, 0, 0, 0, 0, 0, 0},
                         {517, 515, 515, 518, 0, 0, 0, 0},
                         {517, 515, 515, 515, 515, 515, 515, 518},
                         {517, 515, 515, 515, 515, 515, 515, 518}};
  const char *texts[] = {"", "ring ring", "ring ring ring ring ring ring",
                         "ring ring ring ring ring ring ring"};
  for (int i = 0; i < 4; i++) {
    int used = tokenizer_encode(t, texts[i], strlen(texts[i]), ids, 8);
    ck_assert_int_eq(ids[used - 1], end);
    ck_assert_mem_eq(ids, want[i], sizeof ids);
    char *back = tokenizer_decode(t, ids, 8, NULL); /* padding is left out */
    ck_assert_int_eq(strncmp(texts[i], back, strlen(back)), 0);
    ck_assert(i == 3 || strcmp(texts[i], back) == 0);
    free(back);
  }
  ck_assert_int_eq(tokenizer_encode(t, "ring", 4, ids, 2), 2);
  ck_assert(ids[0] == 517 && ids[1] == 518);
  tokenizer_free(t);
}
END_TEST

START_TEST(nothing_in_a_text_is_special) {
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  int ids[40], ends = 0, end = tokenizer_size(t) - 1;
  const char *text = "a <|endoftext|> ring <|startoftext|>";
  tokenizer_encode(t, text, strlen(text), ids, 40);
  for (int i = 0; i < 40; i++) ends += ids[i] >= end - 1;
  ck_assert_int_eq(ends, 2); /* one start, one end */
  tokenizer_free(t);
}
END_TEST

// Captions off the web
START_TEST(captions_are_repaired) {
  static const char *const pairs[][2] = {
      {"it\u2019s a \u201cdog\u201d", "it's a \"dog\""},
      {"\ufb01re and o\ufb03ce", "fire and office"},
      {"\uff21\uff22\uff23 \uff11\uff01", "ABC 1!"},
      {"cafe\u0301", "caf\u00e9"},
      {"fish &amp; chips", "fish & chips"},
      {"fish &amp;amp; chips", "fish & chips"},
      {"it&#39;s &lt;3", "it's <3"},
      {"it&#x2019;s", "it's"},
      {"caf&eacute;&nbsp;noir", "caf\u00e9 noir"},
      {"&bogus;", "& bogus ;"},
      {"&#1114112;", "&# 1 1 1 4 1 1 2 ;"},
      {"&amp", "& amp"}};
  const char *text[] = {"fire it's caf\u00e9"};
  Tokenizer *t = tokenizer_train(text, 1, TOKENIZER_SYMBOLS + 20);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    int *ids[2], count[2];
    for (int k = 0; k < 2; k++)
      count[k] = tokenizer_split(t, pairs[i][k], strlen(pairs[i][k]), &ids[k]);
    ck_assert_msg(count[0] == count[1], "%s", pairs[i][0]);
    ck_assert_mem_eq(ids[0], ids[1], (size_t)count[0] * sizeof **ids);
    free(ids[0]), free(ids[1]);
  }
  tokenizer_free(t);
}
END_TEST
START_TEST(clips_file_is_known) {
  static const char *const first[] = {"\"bpe_simple_vocab_16e6.txt#version: 0.2",
                                      "#version: 0.2"};
  for (int k = 0; k < 2; k++) {
    const char *path = scratch_path(scratch_folder("clips"), "merges");
    FILE *file = fopen(path, "w");
    fprintf(file, "%s\n", first[k]);
    int made = 0;
    // Write one merge more than CLIP takes
    for (int a = '!'; a <= '~'; a++)
      for (int b = '!'; b <= '~'; b++, made++) fprintf(file, "%c %c\n", a, b);
    for (int a = '!'; made <= TOKENIZER_CLIP_MERGES; a++)
      for (int b = 0; b < 94 * 94 && made <= TOKENIZER_CLIP_MERGES; b++, made++)
        fprintf(file, "%c %c%c\n", a, '!' + b / 94, '!' + b % 94);
    fclose(file);
    Tokenizer *t = tokenizer_load(path, 0);
    ck_assert_msg(t != NULL, "%s", fail_message());
    ck_assert_int_eq(tokenizer_size(t), k ? 49409 : 49408);
    tokenizer_free(t);
  }
}
END_TEST

// Any bytes
static size_t without_spaces(char *text, size_t length) {
  size_t n = 0;
  for (size_t i = 0; i < length; i++)
    if (text[i] != ' ') text[n++] = text[i];
  return n;
}

START_TEST(any_bytes_survive) {
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  for (uint64_t k = 0; k < 400; k++) {
    char bytes[200];
    size_t n, m, length = (size_t)k / 2;
    bool broken = k % 2 == 0;
    for (size_t i = 0; i < length; i++) {
      uint64_t byte = random_bits(random_key(k, "bytes"), i) % 256;
      if (broken && (byte <= 32 || (byte >= 'A' && byte <= 'Z'))) byte = 'a';
      if (broken && byte >= 0xc0 && byte < 0xf8) byte = 0xff;
      bytes[i] = (char)byte;
    }
    char *once = there_and_back(t, bytes, length, &n);
    char *twice = there_and_back(t, once, n, &m);
    ck_assert(n == m && memcmp(once, twice, n) == 0);
    if (broken) {
      ck_assert_uint_eq(without_spaces(once, n), length);
      ck_assert_mem_eq(once, bytes, length);
    }
    free(once), free(twice);
  }
  tokenizer_free(t);
}
END_TEST

// Merging against its definition
/* 400 random words of a and b, and what can be learnt of them. */
static Tokenizer *random_tokenizer(void) {
  char text[8000];
  const char *texts[] = {text};
  size_t n = 0;
  for (uint64_t k = 0; k < 400; k++) {
    RandomKey key = random_key(k, "learn");
    for (uint64_t i = 1; i < 2 + random_bits(key, 0) % 16; i++)
      text[n++] = "ab"[random_bits(key, i) % 2];
    text[n++] = ' ';
  }
  text[n] = 0;
  return tokenizer_train(texts, 1, 10000);
}

START_TEST(every_symbol_is_made_once) {
  Tokenizer *t = random_tokenizer();
  for (int a = 0; a < tokenizer_size(t); a++)
    for (int b = 0; b < a; b++)
      ck_assert_str_ne(tokenizer_symbol(t, a), tokenizer_symbol(t, b));
  tokenizer_free(t);
}
END_TEST

/* Which merge makes the two texts one? -1: none. */
static int merge_of(const Tokenizer *t, const char *left, const char *right) {
  char both[200];
  snprintf(both, sizeof both, "%s%s", left, right);
  for (int id = 512; id < tokenizer_size(t) - 2; id++)
    if (strcmp(tokenizer_symbol(t, id), both) == 0) return id;
  return -1;
}

static int merge_slowly(const Tokenizer *t, int *ids, int n) {
  for (;;) {
    int best = -1, at = 0, kept = 0;
    for (int i = 0; i + 1 < n; i++) {
      int id = merge_of(t, tokenizer_symbol(t, ids[i]), tokenizer_symbol(t, ids[i + 1]));
      if (id >= 0 && (best < 0 || id < best)) best = id, at = i;
    }
    if (best < 0) return n;
    int left = ids[at], right = ids[at + 1];
    for (int i = 0; i < n; i++) {
      bool here = i + 1 < n && ids[i] == left && ids[i + 1] == right;
      ids[kept++] = here ? best : ids[i];
      i += here;
    }
    n = kept;
  }
}

START_TEST(merging_equals_its_definition) {
  Tokenizer *t = random_tokenizer();
  ck_assert_int_gt(tokenizer_size(t), 640);
  for (uint64_t k = 0; k < 300; k++) {
    char word[41];
    int n = 1 + (int)k % 40, slow[40];
    for (int i = 0; i < n; i++) {
      word[i] = "ab"[random_bits(random_key(k, "word"), (uint64_t)i) % 2];
      slow[i] = word[i] - 33 + (i == n - 1 ? 256 : 0);
    }
    word[n] = 0;
    expect_ids(t, word, slow, merge_slowly(t, slow, n));
  }
  tokenizer_free(t);
}
END_TEST

START_TEST(long_words_are_fast) {
  enum { LONG = 100000 };
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  char *word = malloc(LONG);
  int *ids;
  for (size_t i = 0; i < LONG; i++) word[i] = "ring"[i % 4];
  clock_t before = clock();
  int count = tokenizer_split(t, word, LONG, &ids);
  ck_assert_double_lt((double)(clock() - before) / CLOCKS_PER_SEC, 1);
  ck_assert_int_eq(count, LONG / 4 * 3 - 2); /* r in g ... ring</w> */
  free(ids), free(word), tokenizer_free(t);
}
END_TEST

// Good and bad merges files
static void write_gzip(const char *path, const char *bytes, size_t count) {
  gzFile file = gzopen(path, "wb");
  gzwrite(file, bytes, (unsigned)count);
  gzclose(file);
}

START_TEST(what_is_saved_reads_the_same) {
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  const char *path = scratch_path(scratch_folder("merges"), "merges");
  size_t count;
  for (int compressed = 0; compressed < 2; compressed++) {
    ck_assert(tokenizer_save(t, path));
    char *bytes = read_file(path, &count);
    if (compressed) write_gzip(path, bytes, count);
    free(bytes);
    // Load all merges, two, and one too many
    Tokenizer *again = tokenizer_load(path, 0);
    ck_assert_msg(again != NULL, "%s", fail_message());
    ck_assert_int_eq(tokenizer_size(again), 519);
    for (int id = 0; id < 519; id++)
      ck_assert_str_eq(tokenizer_symbol(again, id), tokenizer_symbol(t, id));
    EXPECT_IDS(again, "a red thing", 320, 516, 83, 71, 513);
    tokenizer_free(again);
    again = tokenizer_load(path, 2);
    ck_assert_int_eq(tokenizer_size(again), 516);
    tokenizer_free(again);
    ck_assert(!tokenizer_load(path, 6));
    ck_assert(strstr(fail_message(), "merges: expected 6 merges, found 5"));
  }
  tokenizer_free(t);
  t = tokenizer_train(NULL, 0, 514); /* none at all */
  ck_assert(tokenizer_save(t, path));
  tokenizer_free(t);
  ck_assert((t = tokenizer_load(path, 0)) && tokenizer_size(t) == 514);
  tokenizer_free(t);
}
END_TEST

START_TEST(every_cut_is_noticed) {
  Tokenizer *t = tokenizer_train(captions, 3, 10000);
  const char *path = scratch_path(scratch_folder("mergescut"), "merges");
  for (int compressed = 0; compressed < 2; compressed++) {
    size_t count;
    ck_assert(tokenizer_save(t, path));
    char *bytes = read_file(path, &count);
    if (compressed) {
      write_gzip(path, bytes, count);
      free(bytes);
      bytes = read_file(path, &count);
    }
    for (size_t cut = 0; cut < count; cut++) {
      write_file(path, bytes, cut);
      ck_assert_msg(!tokenizer_load(path, 0), "cut to %zu bytes", cut);
      ck_assert(strstr(fail_message(), "merges: expected"));
    }
    free(bytes);
  }
  tokenizer_free(t);
}
END_TEST

START_TEST(bad_merges_are_refused) {
  // List files with one fault each
  const struct {
    const char *text, *why;
  } bad[] = {
      {"", "merges: expected \"#version\" in line 1, found ''"},
      {"i n\nt h\n", "expected \"#version\" in line 1, found 'i n"},
      {"#version: 0.2", "expected \"#version\" in line 1"},
      {"#version: 0.2\n", "expected 1 merges, found 0"},
      {"#version: 0.2, 3 merges\ni n\nt h\n", "expected 3 merges, found 2"},
      {"#version: 0.2, 1 merges\ni n\nt h\n", "expected 1 merges, found 2"},
      {"#version\ni n\nth\n", "expected two symbols in line 3, found 'th'"},
      {"#version\ni n\n\nt h\n", "expected two symbols in line 3, found ''"},
      {"#version\ni n g\n", "expected two symbols in line 2, found 'i n g'"},
      {"#version\ni n\n h\n", "expected symbols made before line 3, found ' h'"},
      {"#version\nth e\nt h\n", "expected symbols made before line 2, found 'th e'"},
      {"#version\ni n\r\n", "expected symbols made before line 2, found 'i n?'"},
      {"#version\ni \u0394\n", "expected symbols made before line 2"},
      {"#version\ni n\ni n\n", "expected a symbol not made before line 3, found 'i n'"},
      {"#version\ni n\nn g\nin g\ni ng\n", "expected a symbol not made before line 5"},
      {"#version\n< /\nw >\n</ w>\n- </w>\n", "not made before line 5"},
      {"#version\ni</w> n\n", "expected a symbol not made before line 2"},
      {"#version\ni n\nt h", "expected an end of line 3, found none"}};
  const char *path = scratch_path(scratch_folder("badmerges"), "merges");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_file(path, bad[i].text, strlen(bad[i].text));
    ck_assert_msg(!tokenizer_load(path, 0), "'%s'", bad[i].text);
    ck_assert_msg(strstr(fail_message(), bad[i].why), "'%s' lacks '%s'", fail_message(),
                  bad[i].why);
  }
  ck_assert(!tokenizer_load("build/no-such-file", 0));
  ck_assert(strstr(fail_message(), "build/no-such-file: cannot open"));
  static char bomb[1 << 20];
  gzFile file = gzopen(path, "wb");
  for (int i = 0; i < 65; i++) gzwrite(file, bomb, sizeof bomb);
  gzclose(file);
  ck_assert(!tokenizer_load(path, 0));
  ck_assert(strstr(fail_message(), "merges: expected at most 67108864 bytes"));
}
END_TEST

// CLIP's own tokens
START_TEST(clip_reads_as_clip) {
  // Find CLIP's merges, or leave
  const char *path = "data/clip/bpe_simple_vocab_16e6.txt";
  if (access(path, R_OK) != 0) path = "data/clip/bpe_simple_vocab_16e6.txt.gz";
  if (access(path, R_OK) != 0) {
    fprintf(stderr, "tokenizer: %s is not there: test skipped\n", path);
    return;
  }
  Tokenizer *t = tokenizer_load(path, TOKENIZER_CLIP_MERGES);
  ck_assert_msg(t != NULL, "%s", fail_message());
  ck_assert_int_eq(tokenizer_size(t), 49408);
  EXPECT_IDS(t, "hello world!", 3306, 1002, 256);
  EXPECT_IDS(t, "a diagram", 320, 22697);
  EXPECT_IDS(t, "a dog", 320, 1929);
  EXPECT_IDS(t, "a photo of a cat", 320, 1125, 539, 320, 2368);
  EXPECT_IDS(t, "a photo of the digit 7", 320, 1125, 539, 518, 27472, 278);
  EXPECT_IDS(t, "A photo  of an airplane", 320, 1125, 539, 550, 16451);
  EXPECT_IDS(t, "a photo of a cirlce", 320, 1125, 539, 320, 2459, 75, 629);
  EXPECT_IDS(t, "kingfisher", 34330);
  EXPECT_IDS(t, "It's 2021", 585, 568, 273, 271, 273, 272);
  int ids[77];
  ck_assert_int_eq(tokenizer_encode(t, "a cat", 5, ids, 77), 4);
  ck_assert(ids[0] == 49406 && ids[1] == 320 && ids[2] == 2368 && ids[3] == 49407);
  ck_assert_str_eq(tokenizer_symbol(t, 1125), "photo</w>");
  tokenizer_free(t);
}
END_TEST

TEST_MAIN("tokenizer", three_captions, every_symbol_is_made_once,
          symbols_have_clips_order, text_is_cleaned_and_cut, captions_are_repaired,
          long_text_is_cut, clips_file_is_known,
          nothing_in_a_text_is_special, any_bytes_survive,
          merging_equals_its_definition, long_words_are_fast,
          what_is_saved_reads_the_same, every_cut_is_noticed,
          bad_merges_are_refused, clip_reads_as_clip)
