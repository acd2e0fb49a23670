/* The Latents page under a virtual display, on a small run that is really trained and analysed:
 * what it shows, filters, sorts and keeps. */
#include <math.h>

#include "latents-fixture.h"
#include "latent-words.h"

/* --- States --- */

static void
test_no_run (LatentsFixture *f, gconstpointer data)
{
  g_assert_cmpstr (gtk_stack_get_visible_child_name (f->page->stack), ==, "status");
  g_assert_cmpstr (adw_status_page_get_title (f->page->status), ==, "Train a Crosscoder First");
  g_assert_null (cs_page_status (CS_PAGE (f->page)));
}

static void
test_analyse (LatentsFixture *f, gconstpointer data)
{
  g_assert_cmpstr (adw_status_page_get_title (f->page->status), ==, "Not Analysed Yet");
  g_signal_emit_by_name (f->page->status_button, "clicked");
  WAIT_FOR (g_str_equal (gtk_stack_get_visible_child_name (f->page->stack), "latents"));
  g_assert_cmpstr (cs_page_status (CS_PAGE (f->page)), ==, "48");
  g_assert_cmpuint (latents_n_shown (f), >, 0);
}

/* --- The page on a run --- */

static void
test_filter (LatentsFixture *f, gconstpointer data)
{
  guint all = latents_n_shown (f);
  const CsLatentRow *first =
      cs_latent_list_row (f->page->list, cs_latent_list_at (f->page->list, 0));
  g_autofree char *id = g_strdup_printf ("%u", first->latent);

  g_assert_cmpuint (all, >, 4);
  for (guint i = 1; i < all; i++)
    {
      const CsLatentRow *row =
          cs_latent_list_row (f->page->list, cs_latent_list_at (f->page->list, i));
      g_assert_cmpfloat (row->delta_norm, <=, first->delta_norm);
    }
  cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, first->delta_norm, 1);
  g_assert_cmpuint (latents_n_shown (f), >=, 1);
  g_assert_cmpuint (latents_n_shown (f), <, all);
  g_assert_nonnull (gtk_widget_get_first_child (GTK_WIDGET (f->page->chips)));
  g_signal_emit_by_name (gtk_widget_get_first_child (GTK_WIDGET (f->page->chips)), "clicked");
  g_assert_cmpuint (latents_n_shown (f), ==, all);
  gtk_editable_set_text (GTK_EDITABLE (f->page->search_entry), id);
  WAIT_FOR (latents_n_shown (f) < all);
  g_assert_cmpint (cs_latent_list_position (f->page->list, first->latent), >=, 0);
  gtk_editable_set_text (GTK_EDITABLE (f->page->search_entry), "no such words");
  WAIT_FOR (latents_n_shown (f) == 0);
  gtk_editable_set_text (GTK_EDITABLE (f->page->search_entry), "");
  WAIT_FOR (latents_n_shown (f) == all);
}

static void
test_header_sorts (LatentsFixture *f, gconstpointer data)
{
  double last = -INFINITY;

  cs_latent_table_sort (f->page->table, CS_LATENT_COLUMN_MAX_ACT, false);
  for (guint i = 0; i < latents_n_shown (f); i++)
    {
      double value =
          cs_latent_list_row (f->page->list, cs_latent_list_at (f->page->list, i))->max_act;
      g_assert_cmpfloat (value, >=, last);
      last = value;
    }
  cs_latent_table_sort (f->page->table, CS_LATENT_COLUMN_ID, true);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), >,
                    cs_latent_list_at (f->page->list, latents_n_shown (f) - 1));
}

/* Which columns are shown is chosen from a list; those of the tokens are not usual. */
static void
test_columns (LatentsFixture *f, gconstpointer data)
{
  CsLatentTable *table = f->page->table;
  GtkColumnViewColumn *user =
      cs_latent_table_column (table, CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_USER);
  GtkColumnViewColumn *cosine = cs_latent_table_column (table, CS_LATENT_COLUMN_COSINE);

  g_assert_false (gtk_column_view_column_get_visible (user));
  g_assert_true (gtk_column_view_column_get_visible (cosine));
  gtk_column_view_column_set_visible (user, TRUE);
  gtk_column_view_column_set_visible (cosine, FALSE);
  cs_latent_table_sort (table, CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_USER, true);
  cs_latent_table_reset_columns (table);
  g_assert_false (gtk_column_view_column_get_visible (user));
  g_assert_true (gtk_column_view_column_get_visible (cosine));
}

static void
test_label (LatentsFixture *f, gconstpointer data)
{
  size_t latent = cs_latent_list_at (f->page->list, 1);
  g_autoptr (CsStudy) again = NULL;
  CsLatentFilter filter = CS_LATENT_FILTER_DEFAULT;
  const CsLabel *label;

  cs_latents_page_select (f->page, latent, true);
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "name_row")),
                         "Refuses Harm");
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.bookmark", NULL);
  again = cs_study_open (f->folder, NULL);
  label = cs_study_label (again, "batchtopk-1", latent);
  g_assert_nonnull (label);
  g_assert_cmpstr (label->name, ==, "Refuses Harm");
  g_assert_true (label->bookmarked);
  filter.bookmarked = true;
  filter.search = (char *)(intptr_t) "harm";
  cs_latent_list_set_filter (f->page->list, &filter);
  g_assert_cmpuint (latents_n_shown (f), ==, 1);
  /* What is typed and not yet saved is saved when another latent is looked at. */
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "note_row")),
                         "see paper");
  cs_latents_page_select (f->page, latent == 0, false); /* any other */
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->note, ==, "see paper");
}

/* Lists are written with commas between them, and filter. */
static void
test_lists (LatentsFixture *f, gconstpointer data)
{
  const guint all = latents_n_shown (f);
  size_t latent = cs_latent_list_at (f->page->list, 1);
  g_autoptr (GString) csv = NULL;
  g_autofree char *id = NULL;
  GtkDropDown *chooser;

  cs_latents_page_select (f->page, latent, true);
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "lists_row")),
                         "to check, refusals,");
  cs_latent_detail_flush (f->page->detail);
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->lists[0], ==, "refusals");
  chooser = GTK_DROP_DOWN (gtk_widget_get_template_child (GTK_WIDGET (f->page->header),
                                                          CS_TYPE_LATENT_HEADER, "list_chooser"));
  g_assert_cmpuint (g_list_model_get_n_items (gtk_drop_down_get_model (chooser)), ==, 3);
  gtk_drop_down_set_selected (chooser, 2);
  g_assert_cmpuint (latents_n_shown (f), ==, 1);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), ==, latent);
  csv = cs_latents_as_csv (f->page->list);
  g_assert_nonnull (strstr (csv->str, "\"refusals;to check\""));
  /* The list goes with the last latent on it. */
  g_assert_true (cs_study_set_lists (f->study, "batchtopk-1", latent, NULL, NULL));
  g_assert_cmpuint (latents_n_shown (f), ==, all);
}

static void
test_history (LatentsFixture *f, gconstpointer data)
{
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.step", "i", 1);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.step", "i", 1);
  g_assert_cmpint (cs_latent_list_position (f->page->list, cs_latent_list_selected (f->page->list)),
                   ==, 2);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.history-back", NULL);
  g_assert_cmpint (cs_latent_list_position (f->page->list, cs_latent_list_selected (f->page->list)),
                   ==, 1);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.history-forward", NULL);
  g_assert_cmpint (cs_latent_list_position (f->page->list, cs_latent_list_selected (f->page->list)),
                   ==, 2);
  /* Shown by name, whatever is filtered. */
  cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, 2, 3);
  g_assert_cmpuint (latents_n_shown (f), ==, 0);
  cs_latents_page_show (f->page, "batchtopk-1", 7);
  g_assert_cmpint (cs_latent_list_selected (f->page->list), ==, 7);
  g_assert_cmpint (cs_latent_list_position (f->page->list, 7), >=, 0);
}

static void
test_examples (LatentsFixture *f, gconstpointer data)
{
  GtkWidget *examples = GTK_WIDGET (gtk_widget_get_template_child (
      GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "examples"));
  g_autofree char *text = NULL, *copied = NULL;
  GString *csv;
  char **lines;

  cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 0), true);
  WAIT_FOR (gtk_widget_get_first_child (gtk_widget_get_first_child (examples)) != NULL);
  copied = cs_latent_detail_as_text (f->page->detail);
  g_assert_nonnull (strstr (copied, "Latent "));
  g_assert_nonnull (strchr (copied, '\t')); /* an example */
  csv = cs_latents_as_csv (f->page->list);
  lines = g_strsplit (csv->str, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, latents_n_shown (f) + 2);
  g_assert_true (g_str_has_prefix (lines[0], "latent,tag,dead,tested,chat_specific,delta_norm,"));
  g_strfreev (lines);
  g_string_free (csv, TRUE);
  /* Left while it loads. */
  cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 1), true);
  latents_settle (130);
}

static void
test_narrow (LatentsFixture *f, gconstpointer data)
{
  int minimum;

  gtk_widget_measure (GTK_WIDGET (f->page), GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL,
                      NULL);
  g_assert_cmpint (minimum, <=, 360);
  latents_close_page (f);
  latents_show_page (f, 380, 700);
  g_assert_true (adw_leaflet_get_folded (f->page->leaflet));
  cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 0), true);
  g_assert_true (adw_leaflet_get_visible_child (f->page->leaflet) == GTK_WIDGET (f->page->detail));
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.show-table", NULL);
  g_assert_false (adw_leaflet_get_visible_child (f->page->leaflet) == GTK_WIDGET (f->page->detail));
}

/* The longest turn of the main loop while a selection is dragged over 73,728 latents, drawing
 * included. */
static void
test_page_of_many (LatentsFixture *f, gconstpointer data)
{
  g_autoptr (CsLatents) latents = latents_made_up (LATENTS_MANY);
  double longest = 0, set = 0;

  cs_latent_list_set_latents (f->page->list, latents);
  gtk_stack_set_visible_child_name (f->page->stack, "latents");
  latents_settle (300);
  for (int i = 0; i < 30; i++)
    {
      gint64 start = g_get_monotonic_time (), until;

      cs_latent_list_set_brush (f->page->list, CS_LATENT_BRUSH_DELTA_NORM, 0.01 * i, 1);
      set = MAX (set, (g_get_monotonic_time () - start) / 1e3);
      until = g_get_monotonic_time () + 60000;
      while (g_get_monotonic_time () < until)
        {
          start = g_get_monotonic_time ();
          if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (500);
          longest = MAX (longest, (g_get_monotonic_time () - start) / 1e3);
        }
    }
  g_test_message (
      "brushing %d latents: a selection takes at most %.1f ms, the frame after it %.1f ms",
      LATENTS_MANY, set, longest);
  g_assert_cmpuint (latents_n_shown (f), >, 1000);
}

int
main (int argc, char **argv)
{
  latents_test_init (&argc, &argv);
#define ADD(path, state, func)                                                                     \
  g_test_add (path, LatentsFixture, state, latents_set_up, func, latents_tear_down)
  ADD ("/latents/page/no-run", "", test_no_run);
  ADD ("/latents/page/analyse", "trained", test_analyse);
  ADD ("/latents/page/filter", "analysed", test_filter);
  ADD ("/latents/page/sort", "analysed", test_header_sorts);
  ADD ("/latents/page/columns", "analysed", test_columns);
  ADD ("/latents/page/label", "analysed", test_label);
  ADD ("/latents/page/lists", "analysed", test_lists);
  ADD ("/latents/page/history", "analysed", test_history);
  ADD ("/latents/page/examples", "analysed", test_examples);
  ADD ("/latents/page/many", "", test_page_of_many);
  ADD ("/latents/page/narrow", "analysed", test_narrow);
  latents_add_reading_tests ();
  latents_add_pictures ();
  return g_test_run ();
}
