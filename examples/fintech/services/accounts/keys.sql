-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE accounts ADD PRIMARY KEY (id);
