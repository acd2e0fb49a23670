/* latents.h5: round trip, h5py, and files that are not what they should be. */
#include <math.h>
#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "errors.h"
#include "latents-private.h"
#include "examples.h"
#include "planted-run.h"
#include "random.h"

enum { N = 40, PER_GROUP = 3, N_SLOTS = N * CS_EXAMPLE_GROUPS * PER_GROUP };

static char *folder, *path;

static void
set_row (CsLatentRow *row, size_t j, CsRandom *random)
{
  float *numbers[] = { &row->dec_base_norm, &row->dec_chat_norm, &row->dec_cos_sim, &row->enc_cos_sim, &row->density,
                       &row->max_act, &row->beta_activation[0], &row->beta_activation[1], &row->beta_reconstruction[0],
                       &row->beta_reconstruction[1], &row->beta_error[0], &row->beta_error[1], &row->nu_activation,
                       &row->nu_reconstruction, &row->nu_error, &row->template_share, &row->nu_activation_nobias,
                       &row->nu_reconstruction_nobias, &row->base_nu_activation, &row->base_nu_reconstruction,
                       &row->base_nu_error, &row->twin_cos, &row->twin_divergence };
  float *more[] = { row->beta_activation_nobias, row->beta_reconstruction_nobias, row->base_beta_activation,
                    row->base_beta_reconstruction, row->base_beta_error, row->nu_error_interval,
                    row->nu_reconstruction_interval, row->base_nu_error_interval, row->base_nu_reconstruction_interval };

  row->latent = (uint32_t) j;
  row->tag = (uint8_t) (j % 5);
  row->dead = row->tag == CS_LATENT_DEAD;
  row->tested = j % 2;
  row->chat_specific = j % 4 == 3;
  row->delta_norm = (float) cs_random_uniform (random);
  row->count_active = cs_random_u64 (random) >> 1;
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    *numbers[i] = (float) cs_random_uniform (random);
  for (size_t i = 0; i < 2 * G_N_ELEMENTS (more); i++)
    more[i / 2][i % 2] = (float) cs_random_uniform (random);
  for (size_t i = 0; i < CS_TOKEN_N_CLASSES; i++)
    row->share[i] = (float) cs_random_uniform (random);
  row->nu_error = -row->nu_error;
  row->base_specific = j % 6 == 5;
  row->twin = (int32_t) j - 1;
}

static CsLatents *
write_file (CsExampleSlot *slots)
{
  CsLatents *latents = g_new0 (CsLatents, 1);
  g_autoptr (GError) error = NULL;
  CsRandom random;

  cs_random_init (&random, 2, 0);
  *latents = (CsLatents) { .n_latents = N, .n_tokens = 12345, .rows = g_new0 (CsLatentRow, N), .fve_base = .75,
                           .fve_chat = .5, .l0 = 3.25, .identity_gap = 1e-15, .close_pairs = 7 };
  for (size_t j = 0; j < N; j++)
    set_row (&latents->rows[j], j, &random);
  for (size_t i = 0; i < N_SLOTS; i++)
    slots[i] = (CsExampleSlot) { (int64_t) cs_random_below (&random, 1000) - 1, (float) cs_random_uniform (&random) };
  cs_latents_save (latents, folder, slots, PER_GROUP, &error);
  g_assert_no_error (error);
  return latents;
}

static void
check_slots (const CsExampleSlot *slots)
{
  const size_t plane = CS_EXAMPLE_GROUPS * PER_GROUP;
  g_autoptr (GError) error = NULL;
  size_t per_group = 0;

  for (size_t j = 0; j < N; j += 13)
    {
      g_autofree CsExampleSlot *read = cs_latents_load_slots (folder, j, &per_group, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (per_group, ==, PER_GROUP);
      for (size_t i = 0; i < plane; i++)
        {
          g_assert_cmpint (read[i].token, ==, slots[j * plane + i].token);
          g_assert_cmpfloat (read[i].activation, ==, slots[j * plane + i].activation);
        }
    }
  g_assert_null (cs_latents_load_slots (folder, N, &per_group, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
}

static void
test_round_trip (void)
{
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_SLOTS);
  g_autoptr (CsLatents) written = write_file (slots);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsLatents) read = cs_latents_load (folder, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (read->n_latents, ==, N);
  g_assert_cmpuint (read->n_tokens, ==, 12345);
  g_assert_cmpfloat (read->fve_base, ==, .75);
  g_assert_cmpfloat (read->fve_chat, ==, .5);
  g_assert_cmpfloat (read->l0, ==, 3.25);
  g_assert_cmpfloat (read->identity_gap, ==, 1e-15);
  g_assert_cmpuint (read->close_pairs, ==, 7);
  g_assert_cmpmem (read->rows, N * sizeof (CsLatentRow), written->rows, N * sizeof (CsLatentRow));
  check_slots (slots);
}

static void
test_h5py (void)
{
  static const char script[] =
    "import sys\n"
    "try:\n  import h5py\nexcept ImportError:\n  sys.exit(77)\n"
    "f = h5py.File(sys.argv[1], 'r')\n"
    "assert f.attrs['format_version'] == 1 and f.attrs['n_tokens'] == 12345 and f.attrs['fve_chat'] == .5\n"
    "assert list(f['latent'][:]) == list(range(40)) and f['delta_norm'].dtype == 'f4'\n"
    "assert len([k for k in f if k != 'examples']) == 59 and all(len(f[k]) == 40 for k in f if k != 'examples')\n"
    "assert f['examples/token'].shape == (40, 5, 3) == f['examples/activation'].shape\n";
  g_autoptr (GSubprocess) python = NULL;
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_SLOTS);
  g_autoptr (CsLatents) written = write_file (slots);

  g_assert_nonnull (written);
  python = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, NULL, "/usr/bin/python3", "-c", script, path, NULL);
  if (python != NULL)
    g_subprocess_wait (python, NULL, NULL);
  if (python == NULL || !g_subprocess_get_if_exited (python) || g_subprocess_get_exit_status (python) == 77)
    g_test_skip ("There is no Python with h5py here");
  else
    g_assert_cmpint (g_subprocess_get_exit_status (python), ==, 0);
}

/* One sentence that names the file, or a table that makes sense. */
static bool
refused (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsLatents) latents = cs_latents_load (folder, &error);
  size_t per_group = 0;
  g_autofree CsExampleSlot *slots = cs_latents_load_slots (folder, N - 1, &per_group, NULL);

  if (latents == NULL)
    {
      g_assert_true (error->domain == CS_ERROR);
      g_assert_nonnull (strstr (error->message, path));
      g_assert_null (strchr (error->message, '\n'));
      return true;
    }
  g_assert_no_error (error);
  for (size_t j = 0; j < latents->n_latents; j++)
    cs_latent_class_name (latents->rows[j].tag);
  return false;
}

static void
replace_column (const char *name, hid_t type, int n_dims, const hsize_t *dims)
{
  hid_t file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT), space;

  H5Ldelete (file, name, H5P_DEFAULT);
  if (n_dims > 0)
    {
      space = H5Screate_simple (n_dims, dims, NULL);
      H5Dclose (H5Dcreate2 (file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      H5Sclose (space);
    }
  H5Fclose (file);
}

/* A file of an earlier version, without the columns that came later. */
static void
test_earlier_version (void)
{
  static const char *const later[] = {
    "beta_activation_nobias_base", "beta_activation_nobias_chat", "beta_reconstruction_nobias_base",
    "beta_reconstruction_nobias_chat", "nu_activation_nobias", "nu_reconstruction_nobias", "base_beta_activation_base",
    "base_beta_activation_chat", "base_beta_reconstruction_base", "base_beta_reconstruction_chat", "base_beta_error_base",
    "base_beta_error_chat", "base_nu_activation", "base_nu_reconstruction", "base_nu_error", "base_specific", "nu_error_low",
    "nu_error_high", "nu_reconstruction_low", "nu_reconstruction_high", "base_nu_error_low", "base_nu_error_high",
    "base_nu_reconstruction_low", "base_nu_reconstruction_high", "twin", "twin_cos", "twin_divergence", "share_text",
    "share_user", "share_model", "share_other", "share_start", "share_role", "share_newline", "share_end", "share_bos",
  };
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_SLOTS);
  g_autoptr (CsLatents) written = write_file (slots);
  g_autoptr (GError) error = NULL;
  hid_t file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);

  for (size_t i = 0; i < G_N_ELEMENTS (later); i++)
    g_assert_cmpint (H5Ldelete (file, later[i], H5P_DEFAULT), >=, 0);
  H5Adelete (file, "identity_gap");
  H5Adelete (file, "close_pairs");
  H5Fclose (file);
  g_autoptr (CsLatents) read = cs_latents_load (folder, &error);
  g_assert_no_error (error);
  g_assert_true (isnan (read->identity_gap) && read->close_pairs == 0);
  for (size_t j = 0; j < N; j++)
    {
      const CsLatentRow *row = &read->rows[j];

      g_assert_cmpfloat (row->nu_error, ==, written->rows[j].nu_error);
      g_assert_cmpfloat (row->template_share, ==, written->rows[j].template_share);
      g_assert_cmpint (row->twin, ==, -1);
      g_assert_cmpint (row->base_specific, ==, 0);
      g_assert_true (isnan (row->base_nu_error) && isnan (row->nu_error_interval[0]) && isnan (row->share[0]) &&
                     isnan (row->twin_cos) && isnan (row->beta_activation_nobias[1]));
    }
  check_slots (slots);
}

static void
write_value (const char *name, size_t row, double value)
{
  hid_t file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT), set = H5Dopen2 (file, name, H5P_DEFAULT);
  double values[N];

  H5Dread (set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  values[row] = value;
  H5Dwrite (set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose (set);
  H5Fclose (file);
}

static void
test_wrong_columns (void)
{
  const hsize_t shorter[1] = { N - 1 }, longer[1] = { N + 1 }, huge[1] = { (hsize_t) 1 << 60 }, large[1] = { 1 << 26 },
                flat[2] = { N, 1 }, none[1] = { 0 }, plane[3] = { N, CS_EXAMPLE_GROUPS + 1, 3 },
                wide[3] = { N, CS_EXAMPLE_GROUPS, (hsize_t) 1 << 40 };
  const struct {
    const char *name;
    hid_t type;
    int n_dims;
    const hsize_t *dims;
    bool examples;
  } cases[] = {
    { "latent", H5T_NATIVE_UINT32, 0, NULL, false },    { "nu_error", H5T_NATIVE_FLOAT, 0, NULL, false },
    { "latent", H5T_NATIVE_UINT32, 1, huge, false },    { "latent", H5T_NATIVE_UINT32, 1, large, false },
    { "latent", H5T_NATIVE_UINT32, 1, none, false },    { "latent", H5T_NATIVE_UINT32, 1, longer, false },
    { "latent", H5T_NATIVE_UINT32, 2, flat, false },    { "delta_norm", H5T_NATIVE_FLOAT, 1, shorter, false },
    { "twin", H5T_NATIVE_INT32, 1, shorter, false },    { "share_bos", H5T_NATIVE_FLOAT, 2, flat, false },
    { "delta_norm", H5T_C_S1, 1, longer, false },       { "max_act", H5T_C_S1, 1, shorter, false },
    { "examples", H5T_NATIVE_INT64, 0, NULL, true },    { "examples/token", H5T_NATIVE_INT64, 3, plane, true },
    { "examples/token", H5T_NATIVE_INT64, 3, wide, true },
  };
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_SLOTS);

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CsLatents) written = write_file (slots);
      size_t per_group;

      g_assert_false (refused ());
      replace_column (cases[i].name, cases[i].type, cases[i].n_dims, cases[i].dims);
      g_assert_cmpint (refused (), ==, !cases[i].examples);
      if (cases[i].examples)
        g_assert_null (cs_latents_load_slots (folder, 0, &per_group, NULL));
    }
}

static void
test_wrong_values (void)
{
  static const struct {
    const char *name;
    double value;
  } cases[] = { { "tag", 5 },        { "tag", 255 },         { "latent", 3 },      { "tested", 2 },  { "dead", 9 },
                { "delta_norm", 2 }, { "delta_norm", -.01 }, { "max_act", -1 },    { "max_act", NAN },
                { "max_act", INFINITY }, { "delta_norm", NAN },
                { "twin", N },       { "twin", -2 },         { "base_specific", 2 }, { "share_role", 1.5 } };
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_SLOTS);

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CsLatents) written = write_file (slots);
      write_value (cases[i].name, 6, cases[i].value);
      g_assert_true (refused ());
    }
}

/* Changes one to most bytes among the first reach. */
static void
spoil_bytes (const char *bytes, gsize size, CsRandom *random, size_t most, size_t reach)
{
  g_autofree char *spoilt = g_memdup2 (bytes, size);

  for (size_t i = cs_random_below (random, most) + 1; i > 0; i--)
    spoilt[cs_random_below (random, reach)] = (char) cs_random_below (random, 256);
  g_assert_true (g_file_set_contents (path, spoilt, (gssize) size, NULL));
  refused ();
}

/* Anywhere, and where HDF5's own structures lie: any outcome but a crash. Not many, for a program looks each file
 * through. */
static void
test_damaged_bytes (void)
{
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_SLOTS);
  g_autoptr (CsLatents) written = write_file (slots);
  g_autofree char *bytes = NULL;
  gsize size = 0;
  CsRandom random;

  cs_random_init (&random, 4, 0);
  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  for (gsize length = 0; length < size; length += length < 4000 ? 809 : 16001)
    {
      g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
      g_assert_true (refused ());
    }
  for (int round = 0; round < 80; round++)
    if (round < 20)
      spoil_bytes (bytes, size, &random, 4, size);
    else
      spoil_bytes (bytes, size, &random, 3, MIN (size, 9000));
  g_unlink (path);
  g_assert_true (refused ());
}

static void
make_folder (void)
{
  folder = g_dir_make_tmp ("crosscope-latents-XXXXXX", NULL);
  path = g_build_filename (folder, "latents.h5", NULL);
}

static void
remove_files (void)
{
  g_unlink (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_clear_pointer (&path, g_free);
  g_clear_pointer (&folder, g_free);
}

static void
in_folder (gconstpointer data)
{
  make_folder ();
  ((void (*) (void)) (uintptr_t) data) ();
  remove_files ();
}

void
add_file_tests (void)
{
  static const struct {
    const char *name;
    void (*func) (void);
  } tests[] = { { "round-trip", test_round_trip },
                { "h5py", test_h5py },
                { "earlier-version", test_earlier_version },
                { "wrong-columns", test_wrong_columns },
                { "wrong-values", test_wrong_values },
                { "damaged-bytes", test_damaged_bytes } };

  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *name = g_strconcat ("/analysis/latents-file/", tests[i].name, NULL);
      g_test_add_data_func (name, (gconstpointer) (uintptr_t) tests[i].func, in_folder);
    }
}
