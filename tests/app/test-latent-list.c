/* Lists of latents, on as many as the paper's crosscoder has, their words and their figures. */
#include <math.h>

#include "latent-shares.h"
#include "latent-words.h"
#include "latents-fixture.h"
#include "token-text.h"

/* --- Token text --- */

static void
test_token_text (void)
{
  CsTokenText *text = CS_TOKEN_TEXT (g_object_ref_sink (cs_token_text_new ()));
  const int32_t ids[] = { 4, 15, 7 };
  const float values[] = { 0, 2.5f, -1 };
  g_autofree char *word = NULL;

  g_assert_cmpfloat_with_epsilon (cs_token_text_opacity (1, 1), 1, 1e-9);
  g_assert_cmpfloat_with_epsilon (cs_token_text_opacity (1, 3), 0.05 + 0.95 * log10 (4), 1e-9);
  g_assert_cmpfloat (cs_token_text_opacity (0, 1), ==, 0);
  g_assert_cmpfloat (cs_token_text_opacity (NAN, 1), ==, 0);
  cs_token_text_set (text, NULL, ids, values, 3, 5);
  g_assert_cmpstr (cs_token_text_get_text (text), ==, "4 15 7");
  word = cs_token_text_dup_token (text, 1);
  g_assert_cmpstr (word, ==, "15");
  g_clear_pointer (&word, g_free);
  word = cs_token_text_describe (text, 1);
  g_assert_nonnull (strstr (word, "2.5, 0.50 of max"));
  cs_token_text_set (text, NULL, NULL, NULL, 0, 0);
  g_assert_cmpuint (cs_token_text_get_n (text), ==, 0);
  g_object_unref (text);
}

/* --- Many latents --- */

static void
test_list_of_many (void)
{
  g_autoptr (CsLatentList) list = cs_latent_list_new ();
  g_autoptr (CsLatents) latents = latents_made_up (LATENTS_MANY);
  CsLatentFilter filter = CS_LATENT_FILTER_DEFAULT;
  gint64 start = g_get_monotonic_time ();
  double sort_ms = 0, filter_ms, brush_ms, search_ms;

  cs_latent_list_set_latents (list, latents);
  for (CsLatentColumn c = 0; c < CS_LATENT_N_COLUMNS; c++)
    {
      start = g_get_monotonic_time ();
      cs_latent_list_sort (list, c, true);
      sort_ms = MAX (sort_ms, (g_get_monotonic_time () - start) / 1e3);
    }
  /* What is not known comes last, in both directions. */
  cs_latent_list_sort (list, CS_LATENT_COLUMN_NU_ERROR, false);
  for (int descending = 0; descending < 2; descending++)
    {
      guint n = g_list_model_get_n_items (G_LIST_MODEL (list));
      float first = cs_latent_list_row (list, cs_latent_list_at (list, 0))->nu_error;

      g_assert_true (isnan (cs_latent_list_row (list, cs_latent_list_at (list, n - 1))->nu_error));
      g_assert_true (descending ? first > 0.59 : first < 0.01);
      cs_latent_list_sort (list, CS_LATENT_COLUMN_NU_ERROR, true);
    }
  start = g_get_monotonic_time ();
  filter.chat_specific = true;
  filter.search = (char *)(intptr_t) "12";
  cs_latent_list_set_filter (list, &filter);
  search_ms = (g_get_monotonic_time () - start) / 1e3;
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (list)), >, 10);
  filter.search = NULL;
  filter.chat_specific = false;
  start = g_get_monotonic_time ();
  cs_latent_list_set_filter (list, &filter);
  filter_ms = (g_get_monotonic_time () - start) / 1e3;
  start = g_get_monotonic_time ();
  cs_latent_list_set_brush (list, CS_LATENT_BRUSH_DELTA_NORM, 0.9, 1);
  brush_ms = (g_get_monotonic_time () - start) / 1e3;
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (list)); i++)
    g_assert_cmpfloat (cs_latent_list_row (list, cs_latent_list_at (list, i))->delta_norm, >=,
                       0.9f);
  g_test_message ("%d latents: sort %.1f ms, filter %.1f ms, brush %.1f ms, search %.1f ms",
                  LATENTS_MANY, sort_ms, filter_ms, brush_ms, search_ms);
  if (g_test_perf ())
    {
      g_assert_cmpfloat (sort_ms, <, 100);
      g_assert_cmpfloat (MAX (filter_ms, MAX (brush_ms, search_ms)), <, 50);
    }
}

/* The selection is a latent, not a place. */
static void
test_list_selection (void)
{
  g_autoptr (CsLatentList) list = cs_latent_list_new ();
  g_autoptr (CsLatents) latents = latents_made_up (200);
  gssize position;

  cs_latent_list_set_latents (list, latents);
  gtk_selection_model_select_item (GTK_SELECTION_MODEL (list), 3, TRUE);
  g_assert_cmpint (cs_latent_list_selected (list), ==, (gssize)cs_latent_list_at (list, 3));
  cs_latent_list_sort (list, CS_LATENT_COLUMN_COSINE, false);
  position = cs_latent_list_position (list, (size_t)cs_latent_list_selected (list));
  g_assert_true (gtk_selection_model_is_selected (GTK_SELECTION_MODEL (list), (guint)position));
  cs_latent_list_set_latents (list, NULL);
  g_assert_cmpint (cs_latent_list_selected (list), ==, -1);
}

/* --- Words --- */

static void
test_words (void)
{
  CsLatentRow row = { .tag = CS_LATENT_CHAT_ONLY,
                      .delta_norm = 0.97f,
                      .tested = 1,
                      .chat_specific = 1,
                      .nu_error = 0.04f,
                      .nu_reconstruction = 0.11f,
                      .template_share = NAN };
  g_autofree char *yes = cs_latent_verdict_reason (&row), *no = NULL, *dash = NULL;

  g_assert_cmpstr (yes, ==, "ν^ε 0.04 < 0.2 and ν^r 0.11 < 0.5: chat-specific");
  row.chat_specific = 0;
  row.nu_reconstruction = 0.66f;
  no = cs_latent_verdict_reason (&row);
  g_assert_nonnull (strstr (no, "ν^r 0.66 ≥ 0.5"));
  g_assert_nonnull (strstr (no, "Latent Decoupling"));
  dash = cs_latent_column_text (&row, CS_LATENT_COLUMN_TEMPLATE_SHARE);
  g_assert_cmpstr (dash, ==, "–");
}

/* --- Kinds of tokens --- */

static void
test_shares (void)
{
  g_autoptr (CsLatentList) list = cs_latent_list_new ();
  g_autoptr (CsLatents) latents = latents_made_up (30);
  g_autofree char *text = NULL, *cell = NULL;
  CsPlot *plot;
  size_t n;

  for (size_t i = 0; i < latents->n_latents; i++)
    {
      CsLatentRow *row = &latents->rows[i];

      for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
        row->share[c] = i % 2 != 0 ? NAN : 0;
      row->share[CS_TOKEN_CLASS_USER] = i % 2 != 0 ? NAN : .5f;
      row->share[CS_TOKEN_CLASS_OTHER] = i % 2 != 0 ? NAN : .25f;
      row->share[CS_TOKEN_CLASS_END] = i % 2 != 0 ? NAN : .25f;
    }
  cs_latent_list_set_latents (list, latents);
  cell = cs_latent_column_text (&latents->rows[0], CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_USER);
  g_assert_cmpstr (cell, ==, "75 %");
  plot = cs_latent_shares_figure (list, &n);
  text = cs_plot_describe (plot);
  g_assert_cmpuint (n, >, 3);
  g_assert_cmpuint (n, <=, 6 + CS_LATENT_SHARES_SHOWN);
  g_assert_nonnull (strstr (text, "User 0.75, Markers 0.25"));
  g_assert_null (strstr (text, "Role"));
  cs_plot_free (plot);
  for (size_t i = 0; i < latents->n_latents; i++)
    latents->rows[i].share[CS_TOKEN_CLASS_TEXT] = NAN;
  cs_latent_list_set_latents (list, latents);
  plot = cs_latent_shares_figure (list, &n);
  g_assert_cmpuint (n, ==, 0);
  cs_plot_free (plot);
}

int
main (int argc, char **argv)
{
  latents_test_init (&argc, &argv);
  g_test_add_func ("/latents/words", test_words);
  g_test_add_func ("/latents/token-text", test_token_text);
  g_test_add_func ("/latents/list/many", test_list_of_many);
  g_test_add_func ("/latents/list/selection", test_list_selection);
  g_test_add_func ("/latents/shares", test_shares);
  return g_test_run ();
}
