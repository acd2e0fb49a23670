/* Parts of the runtime that need no model: files of edits, kernels. */
#include "test-model.h"

#include <math.h>
#include <string.h>

#include "edits.h"
#include "errors.h"
#include "session-kernels.h"

/* --- Edits from a file --- */

static void
check_edits (const char *folder, const char *json, const char *word)
{
  const CsModelConfig config = { .d_model = 4, .n_layers = 2 };
  g_autofree char *path = g_build_filename (folder, "edits.json", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (g_file_set_contents (path, json, -1, NULL));
  g_autoptr (CsEdits) edits = cs_edits_load (path, &config, &error);
  if (word == NULL)
    g_assert_no_error (error);
  else
    {
      g_assert_null (edits);
      g_assert_nonnull (error);
      g_assert_true (error->domain == CS_ERROR);
      if (strstr (error->message, word) == NULL)
        g_error ("“%s” does not mention “%s”", error->message, word);
    }
}

static void
test_edit_files (void)
{
  g_autofree char *folder = g_dir_make_tmp ("crosscope-edits-XXXXXX", NULL);
  g_autofree char *good = g_build_filename (folder, "v.f32", NULL),
                  *bad = g_build_filename (folder, "nan.f32", NULL);
  const float numbers[] = { 1, 2, 3, 4 }, nans[] = { 1, 2, NAN, 4 };
  g_assert_true (g_file_set_contents (good, (const char *)numbers, sizeof numbers, NULL));
  g_assert_true (g_file_set_contents (bad, (const char *)nans, sizeof nans, NULL));
  check_edits (folder, "{\"op\": \"add\", \"at\": 2, \"from\": 1, \"vector\": \"v.f32\"}", NULL);
  check_edits (
      folder,
      "[{\"op\": \"replace\", \"at\": 0, \"position\": 3, \"vector\": {\"file\": \"v.f32\"}}]",
      NULL);
  check_edits (folder, "[]", NULL);
  check_edits (folder, "[1]", "edit 0");
  check_edits (folder, "{\"op\": \"scale\", \"at\": 0, \"vector\": \"v.f32\"}", "op");
  check_edits (folder, "{\"op\": \"add\", \"vector\": \"v.f32\"}", "at");
  check_edits (folder, "{\"op\": \"add\", \"at\": 3, \"vector\": \"v.f32\"}", "at");
  check_edits (folder, "{\"op\": \"add\", \"at\": 1, \"from\": -1, \"vector\": \"v.f32\"}", "from");
  check_edits (folder, "{\"op\": \"replace\", \"at\": 1, \"vector\": \"v.f32\"}", "position");
  check_edits (folder, "{\"op\": \"add\", \"at\": 1}", "vector");
  check_edits (folder, "{\"op\": \"add\", \"at\": 1, \"vector\": \"none.f32\"}", "none.f32");
  check_edits (folder, "{\"op\": \"add\", \"at\": 1, \"vector\": \"nan.f32\"}", "finite");
  check_edits (folder, "{\"op\": \"add\", \"at\": 1, \"vector\": \"edits.json\"}", "exactly 4");
  check_edits (folder, "{\"op\": \"add\", \"at\": 1, \"vector\": \".\"}", "exactly 4");
  remove_folder (folder);
}

/* --- Kernels --- */

static void
test_softmax (void)
{
  float scores[37];
  double expected[37], total = 0;
  for (size_t i = 0; i < 37; i++)
    {
      scores[i] = (float)((double)(i * 7 % 37) * 6 - 100);
      total += expected[i] = exp (0.7 * ((double)scores[i] - 116));
    }
  cs_kernel_softmax (scores, 37, 0.7f);
  for (size_t i = 0; i < 37; i++)
    g_assert_cmpfloat_with_epsilon (scores[i], (float)(expected[i] / total),
                                    (float)(expected[i] / total) * 1e-5f + 1e-37f);
}

static void
test_silu (void)
{
  for (double x = -120; x < 120; x += 0.37)
    {
      float gate = (float)x, up = 1.5f;
      double expected = (double)gate / (1 + exp (-(double)gate)) * 1.5;
      cs_kernel_activate (CS_ACTIVATION_SILU, &gate, &up, 1);
      g_assert_cmpfloat_with_epsilon ((double)gate, expected, fabs (expected) * 1e-6 + 1e-34);
    }
}

void
add_part_tests (void)
{
  g_test_add_func ("/lm/kernels/softmax", test_softmax);
  g_test_add_func ("/lm/kernels/silu", test_silu);
  g_test_add_func ("/lm/edits/files", test_edit_files);
}
