/* The Latents page: what it finds out about latents when it is asked to. */
#include <math.h>

#include "chat-server.h"
#include "describe-window.h"
#include "latent-kin-cards.h"
#include "latents-fixture.h"

/* A description comes from the server that was named, stays beside the user's name, and is taken
 * only where there is none. */
static void
test_describe (LatentsFixture *f, gconstpointer data)
{
  g_autoptr (ChatServer) server = chat_server_new ();
  size_t latent = cs_latent_list_at (f->page->list, 0);
  GtkWidget *detail = GTK_WIDGET (f->page->detail), *window;
  GtkWidget *row =
      GTK_WIDGET (gtk_widget_get_template_child (detail, CS_TYPE_LATENT_DETAIL, "suggestion_row"));
  GObject *button =
      gtk_widget_get_template_child (detail, CS_TYPE_LATENT_DETAIL, "suggestion_button");
  CsJob *job;

  cs_latents_page_select (f->page, latent, true);
  g_assert_false (gtk_widget_get_visible (row));
  window = g_object_ref_sink (cs_describe_window_new (f->study, f->page->run, f->page->list));
  cs_describe_window_fill (CS_DESCRIBE_WINDOW (window), "nowhere", "test-model", "", 0, false);
  g_assert_null (cs_job_window_start (CS_JOB_WINDOW (window)));
  cs_describe_window_fill (CS_DESCRIBE_WINDOW (window), chat_server_url (server), "test-model", "k",
                           0, false);
  job = cs_job_window_start (CS_JOB_WINDOW (window));
  g_assert_nonnull (job);
  WAIT_FOR (!cs_job_is_active (job) && gtk_widget_get_visible (row));
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_DONE);
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->suggestion->text, ==,
                   "the number 31");
  g_assert_null (cs_study_label (f->study, "batchtopk-1", latent)->name);
  g_signal_emit_by_name (button, "clicked");
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->name, ==, "the number 31");
  g_assert_false (gtk_widget_get_sensitive (GTK_WIDGET (button)));
  gtk_window_destroy (GTK_WINDOW (window));
  g_object_unref (window);
}

/* A text that is searched by leaves what fires on it, strongest first. */
static void
test_prompt (LatentsFixture *f, gconstpointer data)
{
  const guint all = latents_n_shown (f);
  const size_t a = cs_latent_list_at (f->page->list, 0), b = cs_latent_list_at (f->page->list, 2);
  float values[LATENTS_N];
  GtkWidget *search = GTK_WIDGET (f->page->prompt_search);

  for (size_t i = 0; i < LATENTS_N; i++)
    values[i] = NAN;
  values[a] = 1;
  values[b] = 2;
  cs_latent_list_set_firing (f->page->list, values);
  g_assert_cmpuint (latents_n_shown (f), ==, 2);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), ==, b);
  cs_latent_list_set_firing (f->page->list, NULL);
  g_assert_cmpuint (latents_n_shown (f), ==, all);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), ==, a);
  /* This study has no models. */
  cs_latent_prompt_search_ask (f->page->prompt_search, "How do I pick a lock?");
  g_assert_true (gtk_widget_get_visible (gtk_widget_get_last_child (search)));
  g_assert_nonnull (
      strstr (gtk_label_get_text (GTK_LABEL (gtk_widget_get_last_child (search))), "no pair"));
  cs_latent_prompt_search_ask (f->page->prompt_search, "");
  g_assert_false (gtk_widget_get_visible (gtk_widget_get_last_child (search)));
}

/* Latents like the one that is shown are worked out beside, and lead on to theirs. */
static void
test_similar (LatentsFixture *f, gconstpointer data)
{
  CsLatentKinCards *kin = CS_LATENT_KIN_CARDS (
      gtk_widget_get_template_child (GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "kin"));
  g_autofree char *text = NULL, *whole = NULL;

  cs_latents_page_select (f->page, 2, true);
  g_assert_true (gtk_widget_get_visible (GTK_WIDGET (kin)));
  cs_latents_page_select (f->page, 3, true); /* before the other was loaded */
#define TEXT (g_free (text), text = cs_latent_kin_cards_as_text (kin))
  WAIT_FOR (strstr (TEXT, "Nearest chat decoders:") != NULL &&
            strstr (text, "Fire on the same tokens:") != NULL);
#undef TEXT
  whole = cs_latent_detail_as_text (f->page->detail);
  g_assert_nonnull (strstr (whole, text));
  g_signal_emit_by_name (kin, "latent-activated", 7);
  g_assert_cmpint (cs_latent_list_selected (f->page->list), ==, 7);
}

void
latents_add_reading_tests (void)
{
#define ADD(path, func)                                                                            \
  g_test_add (path, LatentsFixture, "analysed", latents_set_up, func, latents_tear_down)
  ADD ("/latents/page/describe", test_describe);
  ADD ("/latents/page/prompt", test_prompt);
  ADD ("/latents/page/similar", test_similar);
}
