/* The generator against what its store holds, and truth.json. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "json.h"
#include "planted-folder.h"
#include "planted-world.h"
#include "store.h"
#include "vector.h"

#define WIDTH 8
#define TOKENS 6000

/* Nothing in it yet: no noise, no feature. */
static CsPlantedSettings
empty_world (void)
{
  CsPlantedSettings s;

  cs_planted_settings_init (&s);
  s.d_model = WIDTH;
  s.shared = s.base_only = s.chat_only = s.weak = s.split = s.groups = 0;
  s.noise = 0;
  s.frequency = .1;
  s.tokens = TOKENS;
  return s;
}

typedef struct
{
  char *folder, *path;
  CsPlantedTruth *truth;
  float *rows; /* [TOKENS, 2, WIDTH] */
  int32_t *ids;
} World;

static World
make_world (const CsPlantedSettings *settings, uint64_t seed)
{
  World w = { .folder = planted_folder_new () };
  g_autoptr (CsStore) store = NULL;
  g_autoptr (GError) error = NULL;

  w.path = planted_path (w.folder, "activations.h5");
  w.truth = cs_planted_world_make (NULL, settings, seed, w.path, &error);
  g_assert_no_error (error);
  store = cs_store_open (w.path, false, &error);
  g_assert_no_error (error);
  g_assert_true (cs_store_is_finished (store));
  g_assert_cmpuint (cs_store_n_tokens (store), ==, settings->tokens);
  w.rows = g_new (float, settings->tokens * 2 * settings->d_model);
  w.ids = g_new (int32_t, settings->tokens);
  g_assert_true (cs_store_read (store, 0, settings->tokens, w.rows, &error));
  g_assert_true (cs_store_read_tokens (store, 0, settings->tokens, w.ids, NULL, NULL, &error));
  return w;
}

static void
world_clear (World *w)
{
  cs_planted_truth_free (w->truth);
  g_free (w->rows);
  g_free (w->ids);
  g_free (w->path);
  planted_folder_remove (w->folder);
}

/* Truth of a single feature, worked out from the store. */
static void
check_single (const World *w)
{
  const CsPlantedFeature *f = w->truth->features;
  double cross = 0, chat = 0, sum[2] = { 0 };
  size_t active[2] = { 0 };

  for (size_t t = 0; t < TOKENS; t++)
    {
      double a[2];

      for (size_t m = 0; m < 2; m++)
        {
          const float *row = w->rows + (2 * t + m) * WIDTH;

          a[m] = cs_dot_double (row, cs_planted_truth_direction (w->truth, 0, (int)m), WIDTH);
          active[m] += cs_norm2 (row, WIDTH) > 1e-6;
          sum[m] += a[m];
        }
      cross += a[0] * a[1];
      chat += a[1] * a[1];
      g_assert_cmpint (w->ids[t], ==, a[1] > 0);
    }
  for (int m = 0; m < 2; m++)
    {
      g_assert_cmpfloat_with_epsilon (f->frequency[m], (double)active[m] / TOKENS, 1e-12);
      if (f->strength[m] > 0)
        {
          g_assert_cmpfloat_with_epsilon (f->frequency[m], .1, .015);
          g_assert_cmpfloat_with_epsilon (sum[m] / (double)active[m], f->strength[m],
                                          .06 * f->strength[m]);
        }
    }
  if (f->strength[1] > 0)
    g_assert_cmpfloat_with_epsilon (f->nu, cross / chat, 1e-5);
}

static void
test_classes (void)
{
  const struct
  {
    size_t field;
    CsPlantedClass class;
    double nu, tolerance;
  } cases[] = {
    { offsetof (CsPlantedSettings, shared), CS_PLANTED_CLASS_SHARED, 1, 1e-9 },
    { offsetof (CsPlantedSettings, base_only), CS_PLANTED_CLASS_BASE_ONLY, NAN, 0 },
    { offsetof (CsPlantedSettings, chat_only), CS_PLANTED_CLASS_CHAT_ONLY, 0, 1e-9 },
    { offsetof (CsPlantedSettings, weak), CS_PLANTED_CLASS_WEAK, .3, 1e-9 },
    { offsetof (CsPlantedSettings, split), CS_PLANTED_CLASS_SPLIT, .8, .08 },
  };

  for (size_t c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      CsPlantedSettings s = empty_world ();
      World w;

      s.weak_min = s.weak_max = .3;
      s.split_overlap = .8;
      s.split_correlation = 1;
      *(size_t *)(void *)((char *)&s + cases[c].field) = 1;
      w = make_world (&s, 3 + c);
      g_assert_cmpint (w.truth->features[0].class, ==, cases[c].class);
      check_single (&w);
      if (isnan (cases[c].nu))
        g_assert_true (isnan (w.truth->features[0].nu));
      else
        g_assert_cmpfloat_with_epsilon (w.truth->features[0].nu, cases[c].nu, cases[c].tolerance);
      world_clear (&w);
    }
}

/* A split feature fires alone in either model, equally often. */
static void
test_split (void)
{
  CsPlantedSettings s = empty_world ();
  size_t both = 0, base = 0, chat = 0;
  World w;

  s.split = 1;
  s.split_overlap = .6;
  w = make_world (&s, 1);
  for (size_t t = 0; t < TOKENS; t++)
    {
      const bool in_base = cs_norm2 (w.rows + 2 * t * WIDTH, WIDTH) > 0;
      const bool in_chat = cs_norm2 (w.rows + (2 * t + 1) * WIDTH, WIDTH) > 0;

      both += in_base && in_chat;
      base += in_base && !in_chat;
      chat += in_chat && !in_base;
    }
  g_assert_cmpfloat_with_epsilon ((double)both / (double)(both + chat), .6, .07);
  g_assert_cmpfloat_with_epsilon ((double)both / (double)(both + base), .6, .07);
  world_clear (&w);
}

/* Weak features take every level from weak_min to weak_max; both ends exactly. */
static void
test_levels (void)
{
  CsPlantedSettings s = empty_world ();
  World w;

  s.weak = 10;
  s.weak_levels = 5;
  w = make_world (&s, 1);
  for (size_t i = 0; i < 10; i++)
    g_assert_cmpfloat_with_epsilon (w.truth->features[i].nu, .05 + .1125 * (double)(i % 5), 1e-9);
  g_assert_cmpfloat (w.truth->features[4].nu, >=, CS_PLANTED_FALSE_FROM);
  world_clear (&w);
}

/* The activations of two features from a row in which they overlap. */
static void
unmix (const CsPlantedTruth *truth, const float *row, double a[2])
{
  const float *x = cs_planted_truth_direction (truth, 0, 1),
              *y = cs_planted_truth_direction (truth, 1, 1);
  const double xy = cs_dot_double (x, y, WIDTH), det = 1 - xy * xy;
  const double hx = cs_dot_double (row, x, WIDTH), hy = cs_dot_double (row, y, WIDTH);

  a[0] = (hx - xy * hy) / det;
  a[1] = (hy - xy * hx) / det;
}

static void
test_groups (void)
{
  CsPlantedSettings s = empty_world ();
  size_t both = 0, one[2] = { 0 };
  World w;

  s.shared = 2;
  s.groups = 1;
  s.group_size = 2;
  s.group_firing = .5;
  w = make_world (&s, 1);
  for (size_t t = 0; t < TOKENS; t++)
    {
      double a[2];

      unmix (w.truth, w.rows + (2 * t + 1) * WIDTH, a);
      g_assert_cmpint (
          memcmp (w.rows + 2 * t * WIDTH, w.rows + (2 * t + 1) * WIDTH, WIDTH * sizeof (float)), ==,
          0);
      one[0] += a[0] > 1e-3;
      one[1] += a[1] > 1e-3;
      both += a[0] > 1e-3 && a[1] > 1e-3;
    }
  for (int i = 0; i < 2; i++)
    {
      g_assert_cmpfloat_with_epsilon ((double)one[i] / TOKENS, .1, .02);
      g_assert_cmpfloat_with_epsilon ((double)both / (double)one[i], .5, .1); /* independent: .1 */
    }
  world_clear (&w);
}

static void
test_determinism (void)
{
  CsPlantedSettings s = empty_world ();
  World a, b, other;

  s.shared = 5;
  s.split = 5;
  s.noise = .1;
  a = make_world (&s, 7);
  b = make_world (&s, 7);
  other = make_world (&s, 8);
  g_assert_cmpmem (a.rows, TOKENS * 2 * WIDTH * sizeof (float), b.rows,
                   TOKENS * 2 * WIDTH * sizeof (float));
  g_assert_cmpmem (a.ids, TOKENS * sizeof (int32_t), b.ids, TOKENS * sizeof (int32_t));
  g_assert_cmpint (memcmp (a.rows, other.rows, TOKENS * 2 * WIDTH * sizeof (float)), !=, 0);
  world_clear (&a);
  world_clear (&b);
  world_clear (&other);
}

static void
assert_equal_truths (const CsPlantedTruth *a, const CsPlantedTruth *b)
{
  g_assert_null (cs_planted_settings_difference (&a->settings, &b->settings, true));
  g_assert_cmpuint (a->seed, ==, b->seed);
  g_assert_cmpuint (a->n_features, ==, b->n_features);
  for (size_t i = 0; i < a->n_features; i++)
    {
      const CsPlantedFeature *x = &a->features[i], *y = &b->features[i];

      g_assert_cmpint (x->class, ==, y->class);
      g_assert_cmpint (x->group, ==, y->group);
      g_assert_true (isnan (x->nu) ? isnan (y->nu) : fabs (x->nu - y->nu) < 1e-8);
      for (int m = 0; m < 2; m++)
        {
          g_assert_cmpfloat_with_epsilon (x->strength[m], y->strength[m], 1e-8);
          g_assert_cmpfloat_with_epsilon (x->frequency[m], y->frequency[m], 1e-8);
          for (size_t d = 0; d < WIDTH; d++)
            g_assert_cmpfloat_with_epsilon (cs_planted_truth_direction (a, i, m)[d],
                                            cs_planted_truth_direction (b, i, m)[d], 1e-7f);
        }
    }
}

static void
test_truth_file (void)
{
  CsPlantedSettings s = empty_world ();
  g_autoptr (CsPlantedTruth) read = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  World w;

  s.shared = 4;
  s.groups = 1;
  s.group_size = 3;
  s.base_only = s.chat_only = s.weak = s.split = 2;
  w = make_world (&s, 5);
  path = planted_path (w.folder, "truth.json");
  g_assert_true (cs_planted_truth_save (w.truth, path, &error));
  read = cs_planted_truth_load (path, &error);
  g_assert_no_error (error);
  assert_equal_truths (w.truth, read);
  world_clear (&w);
}

/* One feature in two dimensions, right but for what a case changes. */
#define GOOD                                                                                       \
  "{\"format_version\":1,\"seed\":1,\"settings\":{\"d_model\":2,\"shared\":1,\"base_only\":0,"     \
  "\"chat_only\":0,"                                                                               \
  "\"weak\":0,\"split\":0,\"groups\":0},\"features\":[{\"class\":\"shared\",\"nu\":1,\"group\":"   \
  "null,"                                                                                          \
  "\"strength\":{\"base\":1,\"chat\":1},\"frequency\":{\"base\":0.1,\"chat\":0.1},"                \
  "\"direction\":{\"base\":[1,0],\"chat\":[0.6,0.8]}}]}"

static void
test_broken_truth (void)
{
  static const struct
  {
    const char *from, *to;
  } cases[] = {
    { "\"format_version\":1", "\"format_version\":99" },
    { "\"format_version\":1,", "" },
    { "\"d_model\":2", "\"d_model\":1e9" },
    { "\"d_model\":2", "\"d_model\":3" },
    { "\"shared\":1", "\"shared\":2" },
    { "\"shared\":1", "\"shared\":-1" },
    { "\"shared\"", "\"split\"" },
    { "\"nu\":1", "\"nu\":null" },
    { "\"class\":\"shared\"", "\"class\":\"odd\"" },
    { "\"base\":[1,0]", "\"base\":[1,1]" },
    { "\"base\":[1,0]", "\"base\":[1]" },
    { "\"base\":[1,0]", "\"base\":[\"1\",0]" },
    { "\"base\":0.1", "\"base\":1.5" },
    { "\"strength\":{\"base\":1", "\"strength\":{\"base\":-1" },
    { "\"features\":[", "\"features\":[[]," },
    { "{\"format_version\"", "[{\"format_version\"" },
  };
  char *folder = planted_folder_new ();
  g_autofree char *path = planted_path (folder, "truth.json");

  for (size_t c = 0; c <= G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CsPlantedTruth) truth = NULL;
      GString *text = g_string_new (GOOD);

      if (c < G_N_ELEMENTS (cases))
        g_assert_cmpuint (g_string_replace (text, cases[c].from, cases[c].to, 1), ==, 1);
      g_assert_true (g_file_set_contents (path, text->str, -1, NULL));
      g_string_free (text, TRUE);
      truth = cs_planted_truth_load (path, &error);
      if (c == G_N_ELEMENTS (cases))
        g_assert_no_error (error);
      else if (truth != NULL)
        g_error ("case %zu was read: %s", c, cases[c].to);
      else
        g_assert_true (error->domain == CS_ERROR && strstr (error->message, "truth.json") != NULL);
    }
  planted_folder_remove (folder);
}

static void
test_settings (void)
{
  CsPlantedSettings s, read;
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) object = NULL;
  size_t n;
  const CsPlantedSetting *list = cs_planted_setting_list (&n);

  cs_planted_settings_init (&s);
  g_assert_true (cs_planted_settings_check (&s, &error));
  for (size_t i = 0; i < n; i++)
    {
      CsPlantedSettings other = s;

      cs_planted_setting_set (&other, &list[i], list[i].max + 1);
      g_assert_false (cs_planted_settings_check (&other, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
      g_assert_nonnull (strstr (error->message, list[i].name));
      g_clear_error (&error);
      g_assert_cmpstr (cs_planted_settings_difference (&s, &other, !list[i].is_world), ==,
                       list[i].is_world ? list[i].name : NULL);
    }
  {
    CsPlantedSettings other = s;

    other.tokens = 100;
    other.document_tokens = 60;
    g_assert_false (cs_planted_settings_check (&other, NULL));
    other = s;
    other.d_model = 4096;
    other.shared = other.base_only = other.chat_only = 4096;
    g_assert_false (cs_planted_settings_check (&other, NULL));
    other = s;
    other.weak_min = .6;
    g_assert_false (cs_planted_settings_check (&other, NULL));
    other = s;
    other.group_size = 90;
    g_assert_false (cs_planted_settings_check (&other, NULL));
  }
  s.noise = .123;
  s.steps = 77;
  object = cs_planted_settings_json (&s, false);
  cs_planted_settings_init (&read);
  g_assert_true (cs_planted_settings_read (&read, object, "x.json", &error));
  g_assert_null (cs_planted_settings_difference (&s, &read, false));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/planted/settings", test_settings);
  g_test_add_func ("/planted/classes", test_classes);
  g_test_add_func ("/planted/split", test_split);
  g_test_add_func ("/planted/levels", test_levels);
  g_test_add_func ("/planted/groups", test_groups);
  g_test_add_func ("/planted/determinism", test_determinism);
  g_test_add_func ("/planted/truth-file", test_truth_file);
  g_test_add_func ("/planted/broken-truth", test_broken_truth);
  return g_test_run ();
}
