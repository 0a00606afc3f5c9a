use tradewind_policies::simulate::Policy;

use super::common::{figures, line, shipped};

#[test]
fn prints() {
    let scenario = shipped("fixed-world.toml");
    for gateways in [1, 8] {
        for policy in Policy::ALL {
            let begin = std::time::SystemTime::now();
            let figures = figures(&scenario, policy, gateways, &[11, 12, 13, 14]);
            println!("N={gateways} {} {:?}", line(policy, &figures), begin.elapsed().unwrap());
        }
    }
}
