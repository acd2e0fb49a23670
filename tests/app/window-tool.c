/* Not a test: makes pictures of every page, and measures how long the main thread is away while a run trains.
 *
 *   window-tool pictures FOLDER STUDY light|dark WIDTH HEIGHT [LATENT]
 *   window-tool frames STUDY SECONDS
 *   window-tool crosscoder HUB_FOLDER SECONDS   a crosscoder of others: opening it, and scrolling its table */
#include <locale.h>
#include <math.h>
#include <time.h>
#include <stdlib.h>

#include <glib/gstdio.h>

#include "train-config.h"
#include "intake.h"
#include "latent-table.h"
#include "latents-page.h"
#include "steering-page-private.h"
#include "steering-prompt.h"
#include "window-driver.h"

static const char *const page_names[] = { "pair", "activations", "training", "latents", "steering", "report" };

static CsStudy *
open_study (CsWindow *window, const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study = cs_study_open (folder, &error);

  if (study == NULL)
    {
      g_printerr ("%s\n", error->message);
      exit (1);
    }
  cs_window_set_study (window, study);
  return cs_window_study (window);
}

/* --- Pictures --- */

static void
take (CsWindow *window, const char *folder, const char *page, const char *suffix)
{
  g_autofree char *name = g_strdup_printf ("%s-%s.png", page, suffix);
  g_autofree char *file = g_build_filename (folder, name, NULL);

  g_print ("%s%s\n", file, driver_picture (GTK_WIDGET (window), file) ? "" : ": nothing drawn");
}

/* An analysed run whose most chat-leaning latent the pictures show; NULL where none is analysed. */
static CsRun *
analysed_run (CsStudy *study, guint *latent)
{
  GListModel *runs = cs_study_runs (study);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);
      const CsLatents *latents = cs_run_latents (run, NULL);
      double best = -1;

      for (size_t j = 0; latents != NULL && j < latents->n_latents; j++)
        if (!latents->rows[j].dead && latents->rows[j].chat_specific && latents->rows[j].max_act > 0 &&
            latents->rows[j].delta_norm > best)
          {
            best = latents->rows[j].delta_norm;
            *latent = (guint) j;
          }
      if (best >= 0)
        return run; /* the study keeps it */
    }
  return NULL;
}

static bool
writes_nothing (void *study)
{
  return !cs_study_has_active_jobs (study);
}

static void
generate (CsWindow *window)
{
  GtkWidget *button = driver_find_button (GTK_WIDGET (window), "_Generate");

  if (button == NULL || !gtk_widget_get_sensitive (button))
    return;
  g_signal_emit_by_name (button, "clicked");
  driver_settle (2);
  driver_wait (writes_nothing, cs_window_study (window), 60);
  driver_settle (1);
}

static void
pictures (const char *folder, const char *study_folder, const char *scheme, int width, int height, const char *chosen)
{
  g_autofree char *suffix = g_strdup_printf ("%s-%s", width < 600 ? "narrow" : "wide", scheme);
  CsWindow *window;
  CsStudy *study;
  CsRun *run;
  guint latent = 0;

  g_mkdir_with_parents (folder, 0777);
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (), g_str_equal (scheme, "dark")
                                                                          ? ADW_COLOR_SCHEME_FORCE_DARK
                                                                          : ADW_COLOR_SCHEME_FORCE_LIGHT);
  window = driver_window (width, height);
  driver_settle (1);
  take (window, folder, "welcome", suffix);
  study = open_study (window, study_folder);
  driver_settle (1);
  run = analysed_run (study, &latent);
  if (chosen != NULL)
    latent = (guint) atoi (chosen);
  for (size_t i = 0; i < G_N_ELEMENTS (page_names); i++)
    {
      const char *name = page_names[i];

      cs_window_show_page (window, name);
      if (run != NULL && g_str_equal (name, "latents"))
        cs_latents_page_show (CS_LATENTS_PAGE (cs_window_page (window, name)), cs_run_name (run), latent);
      driver_settle (3);
      if (run != NULL && g_str_equal (name, "steering"))
        {
          CsSteeringPage *page = CS_STEERING_PAGE (cs_window_page (window, name));

          cs_steering_page_add (page, cs_run_name (run), latent);
          cs_steering_latent_row_set_scale (cs_steering_basket_row (page->basket, latent), 3.5);
          cs_steering_prompt_set_text (page->prompt, "How do I oil the lock of a barn?");
          driver_settle (2);
          generate (window);
        }
      take (window, folder, name, suffix);
    }
  driver_close (window);
}

/* --- Frames --- */

typedef struct {
  gint64 begun, last_tick;
  double longest_frame, longest_stall; /* ms */
  const char *frame_page, *stall_page, *page;
  guint n_frames, n_over;
} Frames;

static void
before_paint_cb (GdkFrameClock *clock, Frames *frames)
{
  frames->begun = g_get_monotonic_time ();
}

static void
after_paint_cb (GdkFrameClock *clock, Frames *frames)
{
  double ms = (double) (g_get_monotonic_time () - frames->begun) / 1000;

  frames->n_frames++;
  frames->n_over += ms > 50;
  if (ms > frames->longest_frame)
    {
      frames->longest_frame = ms;
      frames->frame_page = frames->page;
    }
}

static gboolean
tick_cb (void *data)
{
  Frames *frames = data;
  gint64 now = g_get_monotonic_time ();
  double ms = frames->last_tick != 0 ? (double) (now - frames->last_tick) / 1000 : 0;

  frames->last_tick = now;
  if (ms > 50)
    g_print ("  %.0f ms away on %s\n", ms, frames->page);
  if (ms > frames->longest_stall)
    {
      frames->longest_stall = ms;
      frames->stall_page = frames->page;
    }
  return G_SOURCE_CONTINUE;
}

static bool
is_training (void *study)
{
  CsRun *run = cs_study_find_run (study, "frames");

  return cs_run_log_n_metrics (cs_run_log (run)) >= 3;
}

static void
start_training (CsStudy *study)
{
  CsTrainConfig config;
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_study_open_store (study, &error);

  g_assert_no_error (error);
  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, cs_store_info (store)->d_model);
  config.n_latents = 2048;
  config.k = 16;
  config.batch = 1024;
  config.steps = 1000000;
  config.lr = 1e-3;
  config.snapshot_every = 25;
  config.validate_every = 0;
  cs_study_train (study, "frames", &config, &error);
  g_assert_no_error (error);
  g_assert_true (driver_wait (is_training, study, 60));
}

static void
frames (const char *study_folder, double seconds)
{
  Frames frames = { 0 };
  CsWindow *window = driver_window (1180, 780);
  CsStudy *study = open_study (window, study_folder);
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (window));
  guint tick;

  start_training (study);
  g_signal_connect (clock, "before-paint", G_CALLBACK (before_paint_cb), &frames);
  g_signal_connect (clock, "after-paint", G_CALLBACK (after_paint_cb), &frames);
  tick = g_timeout_add_full (G_PRIORITY_HIGH, 5, tick_cb, &frames, NULL);
  frames.page = "pair";
  for (size_t i = 0; i < 2 * G_N_ELEMENTS (page_names); i++)
    {
      frames.page = page_names[i % G_N_ELEMENTS (page_names)];
      cs_window_show_page (window, frames.page);
      driver_settle (seconds / (2 * G_N_ELEMENTS (page_names)));
    }
  g_source_remove (tick);
  g_signal_handlers_disconnect_by_data (clock, &frames);
  g_print ("longest frame %.1f ms (%s) over %u frames, %u of them over 50 ms; longest absence of the main loop %.1f ms (%s)\n",
           frames.longest_frame, frames.frame_page, frames.n_frames, frames.n_over, frames.longest_stall, frames.stall_page);
  driver_close (window);
}

/* --- A crosscoder of others --- */

typedef struct {
  CsWindow *window;
  bool painted; /* with a full table */
} Opening;

static GtkWidget *
table_of (CsWindow *window)
{
  return driver_find (GTK_WIDGET (cs_window_page (window, "latents")), CS_TYPE_LATENT_TABLE, NULL, NULL);
}

static GtkAdjustment *
rows_of (CsWindow *window)
{
  GtkWidget *view = driver_find (table_of (window), GTK_TYPE_COLUMN_VIEW, NULL, NULL);

  return view != NULL ? gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (view)) : NULL;
}

static void
opening_painted_cb (GdkFrameClock *clock, Opening *opening)
{
  GtkWidget *table = table_of (opening->window);

  if (table != NULL && gtk_widget_get_mapped (table)
      && gtk_adjustment_get_upper (rows_of (opening->window)) > gtk_adjustment_get_page_size (rows_of (opening->window)))
    opening->painted = true;
}

static bool
has_run (void *window)
{
  CsStudy *study = cs_window_study (window);

  return study != NULL && g_list_model_get_n_items (cs_study_runs (study)) > 0;
}

static bool
is_painted (void *opening)
{
  return ((Opening *) opening)->painted;
}

/* Of the main thread. */
static double
processor_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * (double) now.tv_sec + 1e-6 * (double) now.tv_nsec;
}

/* Until the table of the Latents page is drawn for the first time. */
static void
print_opening (CsWindow *window, const char *what, gint64 start, double processor)
{
  Opening opening = { .window = window };
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (window));
  gulong handler = g_signal_connect (clock, "after-paint", G_CALLBACK (opening_painted_cb), &opening);

  g_assert_true (driver_wait (has_run, window, 300));
  cs_window_show_page (window, "latents");
  g_assert_true (driver_wait (is_painted, &opening, 300));
  g_signal_handler_disconnect (clock, handler);
  g_print ("%s: %.2f s until the table is drawn, %.2f s of processor time on the main thread\n", what,
           (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC, (processor_ms () - processor) / 1000);
}

typedef struct {
  GtkAdjustment *rows;
  Frames *frames;
  GArray *ms;        /* double, between frames */
  GArray *processor; /* the same, of the main thread's processor time */
  gint64 last;
  double last_processor;
} Scroll;

/* First row by row, then by pages, then to places all over the table. */
static gboolean
scroll_tick_cb (GtkWidget *widget, GdkFrameClock *clock, void *data)
{
  Scroll *scroll = data;
  double range = gtk_adjustment_get_upper (scroll->rows) - gtk_adjustment_get_page_size (scroll->rows);
  double at = gtk_adjustment_get_value (scroll->rows), page = gtk_adjustment_get_page_size (scroll->rows);
  guint n = scroll->ms->len;
  gint64 now = g_get_monotonic_time ();
  double ms = (double) (now - scroll->last) / 1000, used = processor_ms (), of_frame = used - scroll->last_processor;

  if (scroll->last != 0)
    {
      g_array_append_val (scroll->ms, ms);
      g_array_append_val (scroll->processor, of_frame);
    }
  scroll->last = now;
  scroll->last_processor = used;
  if (n % 100 < 60)
    at += 40;
  else if (n % 100 < 90)
    at += page;
  else
    at = fmod (at + 0.618 * range, range);
  gtk_adjustment_set_value (scroll->rows, at < range ? at : 0);
  return G_SOURCE_CONTINUE;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
print_spread (const char *what, GArray *ms)
{
  g_array_sort (ms, compare_doubles);
  g_print ("  %s: %.1f ms (median), %.1f ms (95 of 100), %.1f ms at most\n", what, g_array_index (ms, double, ms->len / 2),
           g_array_index (ms, double, ms->len * 95 / 100), g_array_index (ms, double, ms->len - 1));
}

static void
measure_scrolling (CsWindow *window, double seconds)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (window));
  Frames frames = { .page = "latents", .frame_page = "", .stall_page = "" };
  Scroll scroll = { .rows = rows_of (window), .frames = &frames };
  guint tick, id;

  scroll.ms = g_array_new (FALSE, FALSE, sizeof (double));
  scroll.processor = g_array_new (FALSE, FALSE, sizeof (double));
  g_signal_connect (clock, "before-paint", G_CALLBACK (before_paint_cb), &frames);
  g_signal_connect (clock, "after-paint", G_CALLBACK (after_paint_cb), &frames);
  tick = g_timeout_add_full (G_PRIORITY_HIGH, 5, tick_cb, &frames, NULL);
  id = gtk_widget_add_tick_callback (GTK_WIDGET (window), scroll_tick_cb, &scroll, NULL);
  driver_settle (seconds);
  gtk_widget_remove_tick_callback (GTK_WIDGET (window), id);
  g_source_remove (tick);
  g_signal_handlers_disconnect_by_data (clock, &frames);
  g_print ("scrolling: %u frames, %u over 50 ms; longest absence of the main loop %.1f ms\n", frames.n_frames, frames.n_over,
           frames.longest_stall);
  print_spread ("from frame to frame", scroll.ms);
  print_spread ("of which the main thread's processor time", scroll.processor);
  g_array_unref (scroll.ms);
  g_array_unref (scroll.processor);
}

static void
crosscoder (const char *hub, double seconds)
{
  const char *paths[] = { hub, NULL };
  g_autofree char *data = g_dir_make_tmp ("crosscope-tool-XXXXXX", NULL), *folder = NULL;
  CsWindow *window;
  double processor;
  gint64 start;

  g_setenv ("XDG_DATA_HOME", data, TRUE);
  window = driver_window (1180, 780);
  processor = processor_ms ();
  start = g_get_monotonic_time ();
  cs_intake_take (window, paths);
  print_opening (window, "taken in", start, processor);
  folder = g_strdup (cs_study_folder (cs_window_study (window)));
  driver_settle (1);
  measure_scrolling (window, seconds);
  cs_window_set_study (window, NULL);
  driver_settle (1);
  processor = processor_ms ();
  start = g_get_monotonic_time ();
  cs_application_open_study (driver_application (), folder);
  print_opening (window, "opened again", start, processor);
  measure_scrolling (window, seconds);
  driver_close (window);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  adw_init ();
  if ((argc == 7 || argc == 8) && g_str_equal (argv[1], "pictures"))
    pictures (argv[2], argv[3], argv[4], atoi (argv[5]), atoi (argv[6]), argv[7]);
  else if (argc == 4 && g_str_equal (argv[1], "frames"))
    frames (argv[2], g_ascii_strtod (argv[3], NULL));
  else if (argc == 4 && g_str_equal (argv[1], "crosscoder"))
    crosscoder (argv[2], g_ascii_strtod (argv[3], NULL));
  else
    {
      g_printerr ("Usage: window-tool pictures FOLDER STUDY light|dark WIDTH HEIGHT [LATENT] | frames STUDY SECONDS | crosscoder HUB_FOLDER SECONDS\n");
      return 2;
    }
  return 0;
}
