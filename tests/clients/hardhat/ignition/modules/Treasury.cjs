// A treasury whose limit is set, and the role to set it handed on.
const { buildModule } = require("@nomicfoundation/hardhat-ignition/modules");

module.exports = buildModule("Treasury", (m) => {
  const treasury = m.contract("Treasury", [m.getAccount(0)]);
  const role = m.staticCall(treasury, "TREASURER");
  const mine = m.call(treasury, "grantRole", [role, m.getAccount(0)], { id: "mine" });
  const limit = m.call(treasury, "setLimit", [m.getParameter("limit", 3n)], { after: [mine] });
  m.call(treasury, "grantRole", [role, m.getAccount(1)], { id: "theirs", after: [limit] });
  return { treasury };
});
