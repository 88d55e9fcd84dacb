-- Where a camera's view lies on the plan of its site: points that a planner placed. Kept as they were put, with the digest of
-- the plan and the ground points they were put on: another plan or a moved camera asks for new ones (placing.py).
CREATE TABLE placings (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  site TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
  plan TEXT NOT NULL,
  fit TEXT NOT NULL,
  -- JSON: [[x, y, u, v], …], fractions of the frame and of the plan.
  pairs TEXT NOT NULL,
  -- JSON: {"image": [[x, y], …], "metres": [[x, y], …]}; null where they were not used.
  ground TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (device, camera)
) WITHOUT ROWID;
