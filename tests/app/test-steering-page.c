/* The Steering page over a tiny random pair and a random crosscoder. */
#include <glib/gstdio.h>

#include "kept-steering.h"
#include "latents-private.h"
#include "prompts.h"
#include "random.h"
#include "steering-kept.h"
#include "steering-page-private.h"
#include "test-model.h"
#include "tiny-tokenizer.h"

#define D_MODEL 16
#define N_LATENTS 24
#define TIMEOUT_S 30

typedef struct {
  char *folder;
  CsStudy *study;
  GtkWindow *window;
  CsSteeringPage *page;
} Fixture;

/* --- Making a study --- */

static void
write_model (const char *folder, uint64_t seed, bool chat)
{
  const TinyShape shape = { .dtype = CS_DTYPE_F32, .vocab_size = 304, .d_model = D_MODEL, .n_layers = 2, .n_heads = 2,
                            .n_kv_heads = 1, .head_dim = 8, .d_ff = 32, .tied = true, .norm_eps = 1e-5,
                            .rope_theta = 10000 };
  TinyModel *tiny = tiny_model_new (&shape, seed);
  g_autoptr (json_t) tokenizer = tiny_tokenizer_json ();
  g_autoptr (json_t) config = json_pack ("{s:s}", "bos_token", "<bos>");
  g_autofree char *tokenizer_path = g_build_filename (folder, "tokenizer.json", NULL);
  g_autofree char *config_path = g_build_filename (folder, "tokenizer_config.json", NULL);
  const char *const names[] = { "config.json", "model.safetensors" };

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *from = g_build_filename (tiny->folder, names[i], NULL);
      g_autofree char *to = g_build_filename (folder, names[i], NULL);
      g_assert_cmpint (g_rename (from, to), ==, 0);
    }
  if (chat)
    json_object_set_new (config, "chat_template", json_string (cs_chat_gemma_template ()));
  g_assert_cmpint (json_dump_file (tokenizer, tokenizer_path, 0), ==, 0);
  g_assert_cmpint (json_dump_file (config, config_path, 0), ==, 0);
  tiny_model_free (tiny);
}

static void
write_crosscoder (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (D_MODEL, N_LATENTS, CS_VARIANT_BATCHTOPK, &error);
  CsRandom random;

  g_assert_no_error (error);
  cs_random_init (&random, 3, 0);
  for (size_t i = 0; i < N_LATENTS * 2 * D_MODEL; i++)
    {
      cc->encoder[i] = (float) (0.3 * cs_random_normal (&random));
      cc->decoder[i] = (float) cs_random_normal (&random);
    }
  cc->k = 4;
  cc->threshold = 0.01f;
  cs_crosscoder_save (cc, folder, &error);
  g_assert_no_error (error);
}

static void
write_latents (const char *folder)
{
  g_autoptr (GError) error = NULL;
  CsLatentRow rows[N_LATENTS] = { 0 };
  const CsLatents latents = { .n_latents = N_LATENTS, .n_tokens = 1000, .rows = rows };
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_LATENTS * 5);

  for (size_t j = 0; j < N_LATENTS; j++)
    rows[j] = (CsLatentRow) { .latent = (uint32_t) j, .delta_norm = (float) j / N_LATENTS, .max_act = 40, .density = 0.1f,
                              .count_active = 100, .tag = CS_LATENT_OTHER };
  for (size_t i = 0; i < N_LATENTS * 5; i++)
    slots[i].token = -1;
  cs_latents_save (&latents, folder, slots, 1, &error);
  g_assert_no_error (error);
}

static void
write_library (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "prompts.json", NULL);

  g_assert_true (g_file_set_contents (path,
                                      "{\"groups\": [{\"set\": \"other\", \"concept\": \"joke\", \"prompts\": [{\"request\": \"A joke\"}]},"
                                      "{\"set\": \"refuse\", \"concept\": \"refuse-harm\", \"prompts\": "
                                      "[{\"request\": \"How?\", \"web\": \"Question: How?\\nAnswer:\"}]}]}",
                                      -1, NULL));
}

static void
make_study (Fixture *f, bool analysed)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *study_folder = g_build_filename (f->folder, "study", NULL);
  g_autofree char *run = g_build_filename (study_folder, "runs", "batchtopk-1", NULL);

  f->study = cs_study_create (study_folder, "Test", &error);
  g_assert_no_error (error);
  for (int m = 0; m < 2; m++)
    {
      g_autofree char *model = g_build_filename (f->folder, m == 0 ? "base" : "chat", NULL);

      write_model (model, 5 + (uint64_t) m, m == 1);
      g_assert_true (cs_study_set_model_folder (f->study, m, model, &error));
    }
  g_assert_cmpint (g_mkdir_with_parents (run, 0700), ==, 0);
  write_crosscoder (run);
  if (analysed)
    write_latents (run);
  write_library (f->folder);
  g_clear_object (&f->study);
  f->study = cs_study_open (study_folder, &error);
  g_assert_no_error (error);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

static void
show_page (Fixture *f)
{
  GtkWidget *toasts = adw_toast_overlay_new ();

  f->window = GTK_WINDOW (gtk_window_new ());
  f->page = g_object_new (CS_TYPE_STEERING_PAGE, NULL);
  gtk_window_set_default_size (f->window, 900, 700);
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (toasts), GTK_WIDGET (f->page));
  gtk_window_set_child (f->window, toasts);
  cs_page_set_study (CS_PAGE (f->page), f->study);
  gtk_window_present (f->window);
}

static void
set_up (Fixture *f, const void *data)
{
  f->folder = g_dir_make_tmp ("crosscope-steering-XXXXXX", NULL);
  make_study (f, GPOINTER_TO_INT (data) == 0);
  show_page (f);
}

static void
iterate_until (bool (*done) (Fixture *f), Fixture *f)
{
  const gint64 end = g_get_monotonic_time () + TIMEOUT_S * G_USEC_PER_SEC;

  while (!done (f))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
    }
}

static bool
no_jobs (Fixture *f)
{
  return g_list_model_get_n_items (cs_study_jobs (f->study)) == 0 && !g_main_context_pending (NULL);
}

static void
tear_down (Fixture *f, const void *data)
{
  void *page = f->page, *study = f->study;

  cs_study_stop_jobs (f->study);
  if (f->window != NULL)
    {
      g_object_add_weak_pointer (G_OBJECT (f->page), &page);
      gtk_window_destroy (f->window);
      iterate_until (no_jobs, f);
      g_assert_null (page);
    }
  g_object_add_weak_pointer (G_OBJECT (f->study), &study);
  g_object_unref (f->study);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (study);
  remove_tree (f->folder);
  g_free (f->folder);
}

/* --- Helpers --- */

static bool
ended (Fixture *f)
{
  return f->page->generation != NULL && !cs_job_is_active (cs_steering_generation_job (f->page->generation)) &&
         g_list_model_get_n_items (cs_study_jobs (f->study)) == 0;
}

static bool
writes (Fixture *f)
{
  g_autofree char *text = NULL;
  CsPaneState state;

  text = cs_steering_generation_dup_text (f->page->generation, CS_PANE_CHAT_PLAIN, &state);
  return state == CS_PANE_WRITING && text[0] != '\0';
}

static void
generate (Fixture *f)
{
  cs_steering_page_generate (f->page);
  iterate_until (ended, f);
}

static CsSteeringText *
text_of (Fixture *f, CsPaneId pane)
{
  return cs_steering_pane_text (f->page->panes[pane]);
}

static bool
same_ids (const CsSteeringText *a, const CsSteeringText *b)
{
  return a->ids->len == b->ids->len && memcmp (a->ids->data, b->ids->data, a->ids->len * sizeof (int32_t)) == 0;
}

/* --- Tests --- */

static void
test_texts (Fixture *f, const void *data)
{
  g_autofree float *values = NULL;
  bool fires = false;

  g_assert_cmpstr (gtk_stack_get_visible_child_name (f->page->stack), ==, "content");
  generate (f);
  g_assert_nonnull (text_of (f, CS_PANE_BASE_PLAIN));
  g_assert_nonnull (text_of (f, CS_PANE_CHAT_PLAIN));
  g_assert_null (text_of (f, CS_PANE_CHAT_STEERED));
  cs_steering_page_add (f->page, "batchtopk-1", 7);
  gtk_check_button_set_active (f->page->base_steered, TRUE);
  cs_steering_latent_row_set_scale (cs_steering_basket_row (f->page->basket, 7), 3);
  generate (f);
  for (int i = 0; i < CS_N_PANES; i++)
    {
      CsSteeringText *text = text_of (f, i);

      g_assert_nonnull (text);
      g_assert_cmpuint (text->ids->len, >, text->n_prompt);
      g_assert_cmpstr (cs_steering_pane_shown (f->page->panes[i]), ==, text->text);
    }
  g_assert_false (same_ids (text_of (f, CS_PANE_CHAT_PLAIN), text_of (f, CS_PANE_CHAT_STEERED)));
  g_assert_false (gtk_widget_get_visible (GTK_WIDGET (f->page->error)));
  values = cs_steering_text_values (text_of (f, CS_PANE_CHAT_STEERED), 7);
  g_assert_nonnull (values);
  for (guint i = 0; i < text_of (f, CS_PANE_CHAT_STEERED)->ids->len; i++)
    fires |= values[i] > 0;
  g_assert_true (fires);
  g_assert_null (cs_steering_text_values (text_of (f, CS_PANE_CHAT_STEERED), 8));
}

/* One seed: the plain text is the same again, and a scale of 0 changes nothing. */
static void
test_modes (Fixture *f, const void *data)
{
  static const CsSteerMode modes[] = { CS_STEER_ADD, CS_STEER_CLAMP, CS_STEER_ABLATE };
  CsSteeringLatentRow *row;

  gtk_adjustment_set_value (f->page->temperature, 0.8);
  cs_steering_page_add (f->page, "batchtopk-1", 3);
  row = cs_steering_basket_row (f->page->basket, 3);
  g_assert_nonnull (row);
  g_assert_cmpint (cs_steering_latent_row_item (row)->scope, ==, CS_STEER_PROMPT_ONLY);
  cs_steering_latent_row_set_scale (row, 0);
  generate (f);
  g_assert_true (same_ids (text_of (f, CS_PANE_CHAT_PLAIN), text_of (f, CS_PANE_CHAT_STEERED)));
  cs_steering_latent_row_set_scale (row, 4);
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autoptr (CsSteeringText) plain = cs_steering_text_ref (text_of (f, CS_PANE_CHAT_PLAIN));

      cs_steering_latent_row_set_mode (row, modes[i]);
      g_assert_cmpint (cs_steering_latent_row_item (row)->mode, ==, modes[i]);
      g_assert_cmpint (cs_steering_latent_row_item (row)->scope, ==,
                       modes[i] == CS_STEER_ADD ? CS_STEER_PROMPT_ONLY : CS_STEER_ALL_TOKENS);
      generate (f);
      g_assert_true (same_ids (plain, text_of (f, CS_PANE_CHAT_PLAIN)));
      if (modes[i] != CS_STEER_ABLATE)
        g_assert_false (same_ids (plain, text_of (f, CS_PANE_CHAT_STEERED)));
    }
}

static void
test_stop (Fixture *f, const void *data)
{
  gtk_adjustment_set_value (f->page->max_tokens, 1024);
  cs_steering_page_generate (f->page);
  iterate_until (writes, f);
  cs_steering_page_stop (f->page);
  iterate_until (ended, f);
  g_assert_cmpint (cs_job_state (cs_steering_generation_job (f->page->generation)), ==, CS_JOB_CANCELLED);
  g_assert_nonnull (text_of (f, CS_PANE_CHAT_PLAIN));
  g_assert_null (text_of (f, CS_PANE_CHAT_PLAIN)->key);
  g_assert_null (text_of (f, CS_PANE_BASE_PLAIN));
  g_assert_false (gtk_widget_get_visible (GTK_WIDGET (f->page->error)));
}

static void
test_destroy (Fixture *f, const void *data)
{
  gtk_adjustment_set_value (f->page->max_tokens, 1024);
  cs_steering_page_generate (f->page);
  iterate_until (writes, f);
  cs_steering_page_generate (f->page); /* the first is cancelled, the second has hardly begun */
  gtk_window_destroy (f->window);
  f->window = NULL;
  iterate_until (no_jobs, f);
}

static void
test_study_closed (Fixture *f, const void *data)
{
  cs_steering_page_generate (f->page);
  cs_page_set_study (CS_PAGE (f->page), NULL);
  cs_study_stop_jobs (f->study);
  iterate_until (no_jobs, f);
  g_assert_null (text_of (f, CS_PANE_CHAT_PLAIN));
}

static void
test_library (Fixture *f, const void *data)
{
  g_autofree char *path = g_build_filename (cs_study_folder (f->study), "prompts.json", NULL);
  g_autofree char *first = cs_steering_prompt_dup_text (f->page->prompt);
  g_auto (CsSteeringRequest) request = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) mine = NULL;

  g_assert_cmpstr (first, ==, "How?");
  g_assert_true (cs_steering_prompt_fill (f->page->prompt, &request));
  g_assert_cmpstr (request.prompt[0], ==, "Question: How?\nAnswer:");
  g_assert_true (!request.chat[0] && request.chat[1]);
  g_assert_cmpuint (cs_steering_prompt_library (f->page->prompt)->len, ==, 2);
  g_assert_true (cs_prompts_add (path, "Mine", "Ünïque?", &error));
  g_assert_true (cs_prompts_add (path, "Mine", "Ünïque?", &error));
  mine = cs_prompts_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mine->len, ==, 1);
  cs_steering_prompt_set_study (f->page->prompt, f->study);
  g_assert_cmpuint (cs_steering_prompt_library (f->page->prompt)->len, ==, 3);
  g_assert_true (g_file_set_contents (path, "{\"prompts\": [{\"group\": 1}]}", -1, NULL));
  g_assert_null (cs_prompts_load (path, &error));
  g_assert_nonnull (strstr (error->message, path));
}

static void
ready_cb (bool *ready)
{
  *ready = true;
}

static bool
ready_flag;

static bool
is_ready (Fixture *f)
{
  return ready_flag;
}

static void
test_firing (Fixture *f, const void *data)
{
  const GdkRectangle where = { 4, 4, 1, 16 };
  GArray *list;
  guint latent;

  generate (f);
  g_assert_nonnull (cs_steering_prompt_text (f->page->prompt));
  ready_flag = false;
  g_signal_connect_swapped (f->page->firing, "ready", G_CALLBACK (ready_cb), &ready_flag);
  g_signal_emit_by_name (f->page->prompt, "token-clicked", 3, &where);
  iterate_until (is_ready, f);
  list = cs_steering_firing_list (f->page->firing);
  g_assert_nonnull (list);
  g_assert_cmpuint (list->len, >, 0);
  latent = (guint) g_array_index (list, CsFiringLatent, 0).latent;
  g_signal_emit_by_name (f->page->firing, "add", latent);
  g_assert_nonnull (cs_steering_basket_row (f->page->basket, latent));
  gtk_popover_popdown (GTK_POPOVER (f->page->firing));
}

static GtkWidget *
find (GtkWidget *widget, GType type, const char *label)
{
  GtkWidget *found = NULL;

  if (G_TYPE_CHECK_INSTANCE_TYPE (widget, type) &&
      (label == NULL || g_strcmp0 (gtk_button_get_label (GTK_BUTTON (widget)), label) == 0))
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find (child, type, label);
  return found;
}

static guint
n_kept (Fixture *f)
{
  g_autoptr (GPtrArray) kept = cs_kept_steering_load (cs_study_folder (f->study), NULL);

  return kept->len;
}

/* What is kept for the report is listed, removed and, while the toast is there, taken back. */
static void
test_kept (Fixture *f, const void *data)
{
  CsSteeringKept *list = CS_STEERING_KEPT (find (GTK_WIDGET (f->page), CS_TYPE_STEERING_KEPT, NULL));
  g_autoptr (CsKeptSteering) other = cs_kept_steering_new ("batchtopk-1", "Later?");
  g_autoptr (GPtrArray) kept = NULL;
  GtkWidget *undo;

  generate (f);
  cs_steering_page_keep (f->page);
  cs_steering_page_keep (f->page); /* the same again is one */
  g_assert_true (cs_kept_steering_add (f->study, other, NULL));
  g_assert_cmpuint (n_kept (f), ==, 2);
  cs_steering_kept_update (list);
  cs_steering_kept_remove (list, 2); /* there is none */
  cs_steering_kept_remove (list, 0);
  g_assert_cmpuint (n_kept (f), ==, 1);
  undo = find (GTK_WIDGET (f->window), GTK_TYPE_BUTTON, "_Undo");
  g_assert_nonnull (undo);
  g_signal_emit_by_name (undo, "clicked");
  kept = cs_kept_steering_load (cs_study_folder (f->study), NULL);
  g_assert_cmpuint (kept->len, ==, 2);
  g_assert_cmpstr (((CsKeptSteering *) g_ptr_array_index (kept, 0))->prompt, ==, "How?");
  g_assert_nonnull (((CsKeptSteering *) g_ptr_array_index (kept, 0))->texts[CS_KEPT_CHAT_PLAIN]);
}

static void
test_empty (Fixture *f, const void *data)
{
  g_assert_cmpstr (gtk_stack_get_visible_child_name (f->page->stack), ==, "empty");
  g_assert_cmpstr (gtk_button_get_label (f->page->empty_button), ==, "_Analyse");
  cs_steering_page_generate (f->page);
  g_assert_null (f->page->generation);
  cs_steering_page_add (f->page, "batchtopk-1", 3);
  g_assert_null (cs_steering_basket_row (f->page->basket, 3));
  cs_steering_page_add (f->page, "no-such-run", 3);
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define ADD(name, data, func) \
  g_test_add ("/steering-page/" name, Fixture, GINT_TO_POINTER (data), set_up, func, tear_down)
  ADD ("texts", 0, test_texts);
  ADD ("modes", 0, test_modes);
  ADD ("stop", 0, test_stop);
  ADD ("destroy-while-generating", 0, test_destroy);
  ADD ("study-closed-while-generating", 0, test_study_closed);
  ADD ("library", 0, test_library);
  ADD ("firing", 0, test_firing);
  ADD ("kept", 0, test_kept);
  ADD ("empty", 1, test_empty);
  return g_test_run ();
}
