/* Parts of the test program of chat templates. */
#pragma once

void add_chat_family_tests (void);
